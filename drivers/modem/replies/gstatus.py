"""Sierra's texts about the radio: AT!GSTATUS?, AT!NRINFO? and AT!LTEINFO?. No I/O.

The first two are labels and values, two to a line with tabs between; copies of them in forums have
spaces instead, so the labels are looked for by name wherever they stand. Names differ between the
generations MC77/MC73, MC74, EM75 and EM91. AT!LTEINFO? is a table for each kind of cell.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from drivers.modem.fields import (
    ABSENT,
    UTRA_CELL_END,
    area_code,
    arfcn,
    bsic,
    ecio_db,
    hexadecimal,
    integer,
    level,
    lte_width,
    lte_width_in_mhz,
    pci,
    plmn,
    psc,
    rscp_dbm,
    rssi_dbm,
    within,
)
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import (
    ECI_END,
    LAC_END,
    NCI_END,
    TAC_5G_END,
    UNKNOWN_AREAS,
    UNKNOWN_CELLS,
)
from wire.cells import Rat

TEMPERATURE_C = (-50, 125)

_LABEL = re.compile(
    r"(?<![A-Za-z0-9])("
    r"NR5G(?:\((?:sub6|mmW)\))? (?:Rx\d RSSI|RSRP|RSRQ|SINR)(?: \(dBm?\))?"
    r"|NR5G (?:TAC|Cell ID|MCC-MNC|band|[du]l bw|bw|[RT]x chan|Tx Power|Carrier ID|[du]l MIMO)"
    # The EM75's first firmware says SSC for SCC.
    r"|LTE S[SC]C\d (?:state|band|bw|chan|[RT]x chan|UL Configured)"
    r"|LTE (?:band|[du]l bw|bw|[RT]x chan|CA state|Scell (?:band|bw|chan))"
    r"|(?:PCC|SCC\d?) (?:Rx(?:[MD]1?|\d) RS(?:SI|RP)(?: \(dBm\))?|Tx Power|LNA state)"
    r"|(?:WCDMA|GSM) (?:band|channel)|WCDMA L1 State"
    r"|RX level(?: Carrier \d)? \(dBm\)|Rx[MD] RSSI C\d"
    r"|RS(?:SI|RP|RQ) \(dBm?\)|SINR \(dB\)"
    r"|(?:EMM|MM5G|RRC|IMS reg|IMS Srv|GMM \(PS\)|MM \(CS\)|GPRS|PS) state|IMS mode"
    r"|Thermal Mitigation Level|Temperature|Current Time|Bootup Time|Reset Counter"
    r"|Connectivity Mode|System mode|Mode|Tx Power|TAC|LAC|Cell ID|Serving Cell|MCC-MNC"
    r")[ \t]{0,8}:",
    re.IGNORECASE | re.ASCII,
)
_UNIT = re.compile(r" \(dbm?\)$")
_RECEIVER = re.compile(r"(?:pcc|scc\d?) rx\w+ rs(?:si|rp)")
_IDENTITY = re.compile(r"([0-9A-F]{1,9})?[ \t]{0,8}(?:\(([0-9]{1,11})\))?(?![^ \t])", re.IGNORECASE)

_MODES = {
    "LTE": "lte",
    "ENDC": "nr-nsa",
    "NR5G": "nr-sa",
    "WCDMA": "wcdma",
    "UMTS": "wcdma",
    "GSM": "gsm",
    "GPRS": "gsm",
    "EDGE": "gsm",
}
_WCDMA_BANDS = {"IMT2000": 1, "2100": 1, "1900": 2, "850": 5, "900": 8}
"""`WCDMA 800` is also said of band 5, so it tells nothing."""
SECONDARIES = range(1, 9)

Pairs = list[tuple[str, str]]
"""Labels in lower case and without unit, with what follows them."""
Said = Mapping[str, str]
"""As `Pairs`, the first of each label."""


def gstatus(asked: Asked) -> Reading:
    """AT!GSTATUS?: the serving cell, its NR leg, and the secondary carriers that are active."""
    pairs = _owned(_pairs(asked))
    said = _first(pairs)
    if "system mode" not in said:
        raise asked.unreadable()
    mode = _MODES.get(_word(said["system mode"]).upper())
    cells = tuple(_cells(mode, pairs, said))
    if mode == "lte" and any(cell.role is Role.NR_SECONDARY for cell in cells):
        mode = "nr-nsa"
    attached = _attached(said.get("ps state", ""))
    return Reading(
        mode=mode or "no-service",
        rrc_state=_rrc_state(said.get("rrc state", "")),
        # Stand-alone firmware says "Not attached" of EPS while it is on 5GS.
        attached=None if mode == "nr-sa" and not attached else attached,
        cells=cells,
        temperature_c=within(_word(said.get("temperature", "")), *TEMPERATURE_C),
    )


def nrinfo(asked: Asked) -> Reading:
    """AT!NRINFO?: the NR carriers; the first serves, unless it says that it is EN-DC's leg."""
    pairs = _pairs(asked)
    connectivity = _word(_first(pairs).get("connectivity mode", "")).upper()
    leg = connectivity in {"NSA", "ENDC", "EN-DC"}
    if not pairs:
        if any("not available" in line.lower() for line in asked.lines):
            return Reading(cells=())
        raise asked.unreadable()
    return Reading(
        mode="nr-nsa" if leg else "nr-sa" if connectivity == "SA" else None,
        cells=tuple(_nr_cells(pairs, Role.NR_SECONDARY if leg else Role.SERVING)),
    )


def lteinfo(asked: Asked) -> Reading:
    """AT!LTEINFO?: the only one that tells the PCI, with neighbours of every technology.

    The TAC is decimal and the cell hexadecimal. The serving cell heads the list of its frequency.
    """
    cells: list[HeardCell] = []
    serving: HeardCell | None = None
    sections = 0
    for section, row in _rows(asked.lines):
        sections += 1
        cell = None if row is None else _row_cell(section, row, serving)
        if cell is None:
            continue
        if cell.role is Role.SERVING:
            serving = cell
        elif serving is not None and (cell.rat, cell.arfcn, cell.pci) == (
            serving.rat,
            serving.arfcn,
            serving.pci,
        ):
            continue
        cells.append(cell)
    if not sections and not any("not available" in line.lower() for line in asked.lines):
        raise asked.unreadable()
    return Reading(cells=tuple(cells))


def _pairs(asked: Asked) -> Pairs:
    text = "\n".join(asked.lines)
    found = list(_LABEL.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [
        (
            _UNIT.sub("", match[1].lower().replace("ssc", "scc")),
            text[match.end() : end].partition("\n")[0].strip(),
        )
        for match, end in zip(found, ends, strict=False)
    ]


def _owned(pairs: Pairs) -> Pairs:
    """`RSRP (dBm)` in the row of a receiver is that receiver's: MC74 says so by place alone."""
    owner = ""
    owned: Pairs = []
    for label, value in pairs:
        receiver = _RECEIVER.fullmatch(label)
        if receiver:
            owner = label.rpartition(" ")[0]
            owned.append((label, value))
        elif label == "rsrp" and owner:
            owned.append((f"{owner} rsrp", value))
        else:
            owner = ""
            owned.append((label, value))
    return owned


def _first(pairs: Pairs) -> Said:
    said: dict[str, str] = {}
    for label, value in pairs:
        said.setdefault(label, value)
    return said


def _cells(mode: str | None, pairs: Pairs, said: Said) -> Iterator[HeardCell]:
    match mode:
        case "lte" | "nr-nsa":
            serving = _lte(said)
            if serving is not None:
                yield serving
                yield from _secondaries(said)
                yield from _nr_cells(pairs, Role.NR_SECONDARY)
        case "nr-sa":
            yield from _nr_cells(pairs, Role.SERVING)
        case "wcdma":
            yield from _circuit(said, Rat.WCDMA, end=UTRA_CELL_END)
        case "gsm":
            yield from _circuit(said, Rat.GSM, end=LAC_END)


def _lte(said: Said) -> HeardCell | None:
    band = _band(said.get("lte band", ""))
    channel = _lte_channel(said.get("lte rx chan", ""), band)
    area, cell_id = said.get("tac", ""), said.get("cell id", "")
    tac = _identity(area, LAC_END, UNKNOWN_AREAS)
    eci = _identity(cell_id, ECI_END, UNKNOWN_CELLS)
    if not tac and not eci:
        # All zeros while it is not registered.
        tac = eci = None
    if channel is None and eci is None:
        return None
    mcc, mnc = _network(said.get("mcc-mnc", ""))
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        tac=tac,
        cell_id=eci,
        band=band,
        arfcn=channel,
        bandwidth_mhz=_lte_width(said.get("lte bw") or said.get("lte dl bw", "")),
        ul_bandwidth_mhz=_lte_width(said.get("lte ul bw", "")),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, _word(said.get("rsrp", ""))),
        rsrq_db=level("rsrq_db", Rat.LTE, _word(said.get("rsrq", ""))),
        sinr_db=level("sinr_db", Rat.LTE, _word(said.get("sinr", ""))),
        rssi_dbm=rssi_dbm(_word(said.get("rssi", ""))),
        rsrp_rx_dbm=_rsrp_of_receivers(said, "pcc"),
        rssi_rx_dbm=_rssi_of_receivers(said, r"pcc rx\w+ rssi"),
    )


def _secondaries(said: Said) -> Iterator[HeardCell]:
    """Active ones: `Scell` on MC74, which has one, `SCC1` and so on later."""
    if _word(said.get("lte ca state", "")).upper() == "ACTIVE":
        yield _secondary(said, "lte scell", "scc")
    for number in SECONDARIES:
        if _word(said.get(f"lte scc{number} state", "")).upper() == "ACTIVE":
            yield _secondary(said, f"lte scc{number}", f"scc{number}")


def _secondary(said: Said, name: str, receiver: str) -> HeardCell:
    band = _band(said.get(f"{name} band", ""))
    channel = said.get(f"{name} rx chan") or said.get(f"{name} chan", "")
    return HeardCell(
        role=Role.SCC,
        rat=Rat.LTE,
        band=band,
        arfcn=_lte_channel(channel, band),
        bandwidth_mhz=_lte_width(said.get(f"{name} bw", "")),
        rsrp_rx_dbm=_rsrp_of_receivers(said, receiver),
        rssi_rx_dbm=_rssi_of_receivers(said, rf"{receiver} rx\w+ rssi"),
    )


def _nr_cells(pairs: Pairs, role: Role) -> Iterator[HeardCell]:
    """The NR carriers that have a channel or a level; a label said twice begins another one."""
    mcc, mnc = _network(_first(pairs).get("mcc-mnc", ""))
    for number, group in enumerate(_nr_groups(pairs)):
        channel = arfcn(Rat.NR, _word(group.get("rx chan", ""))) or None
        rsrp = level("rsrp_dbm", Rat.NR, _word(group.get("rsrp", "")))
        sinr = level("sinr_db", Rat.NR, _word(group.get("sinr", "")))
        if channel is None and rsrp is None and sinr is None:
            continue
        own_mcc, own_mnc = _network(group.get("mcc-mnc", ""))
        width = group.get("dl bw") or group.get("bw", "")
        yield HeardCell(
            role=Role.SCC if number else role,
            rat=Rat.NR,
            mcc=own_mcc or mcc,
            mnc=own_mnc or mnc,
            tac=_identity(group.get("tac", ""), TAC_5G_END, UNKNOWN_AREAS),
            cell_id=_identity(group.get("cell id", ""), NCI_END, UNKNOWN_CELLS),
            band=_band(group.get("band", "")),
            arfcn=channel,
            bandwidth_mhz=within(_word(width), 3, 400),
            ul_bandwidth_mhz=within(_word(group.get("ul bw", "")), 3, 400),
            rsrp_dbm=rsrp,
            rsrq_db=level("rsrq_db", Rat.NR, _word(group.get("rsrq", ""))),
            sinr_db=sinr,
            rssi_rx_dbm=_rssi_of_receivers(group, r"rx\d rssi"),
        )


def _nr_groups(pairs: Pairs) -> list[dict[str, str]]:
    groups: list[dict[str, str]] = []
    for label, value in pairs:
        if not label.startswith("nr5g"):
            continue
        name = label.partition(" ")[2]
        if not groups or name in groups[-1]:
            groups.append({})
        groups[-1][name] = value
    return groups


def _circuit(said: Said, rat: Rat, *, end: int) -> Iterator[HeardCell]:
    """A cell of UTRA or GSM, where the level is that of the channel."""
    name = rat.value
    channel = arfcn(rat, _word(said.get(f"{name} channel", "")))
    lac = _identity(said.get("lac", ""), LAC_END, UNKNOWN_AREAS)
    cell_id = _identity(said.get("cell id", ""), end, UNKNOWN_CELLS)
    if channel is None and cell_id is None:
        return
    power = said.get("rx level carrier 0") or said.get("rx level", "")
    band = said.get("wcdma band", "").rpartition(" ")[2].upper()
    yield HeardCell(
        role=Role.SERVING,
        rat=rat,
        arfcn=channel,
        band=_WCDMA_BANDS.get(band) if rat is Rat.WCDMA else None,
        lac=lac,
        cell_id=cell_id,
        rssi_dbm=rssi_dbm(_word(power)),
        # C1 is the second carrier of HSDPA.
        rssi_rx_dbm=_rssi_of_receivers(said, r"rx[md] rssi c0"),
    )


def _rsrp_of_receivers(said: Said, name: str) -> tuple[float, ...] | None:
    texts = _matching(said, rf"{name} rx\w+ rsrp")
    found = (level("rsrp_dbm", Rat.LTE, text) for text in texts)
    return tuple(dbm for dbm in found if dbm is not None) or None


def _rssi_of_receivers(said: Said, labels: str) -> tuple[float, ...] | None:
    found = (rssi_dbm(text) for text in _matching(said, labels))
    return tuple(dbm for dbm in found if dbm is not None) or None


def _matching(said: Said, labels: str) -> Iterator[str]:
    wanted = re.compile(labels)
    return (_word(value) for label, value in said.items() if wanted.fullmatch(label))


def _word(value: str) -> str:
    """The first word; `5MHz` is as good as `5 MHz`."""
    first = next(iter(value.split(maxsplit=1)), "")
    return first.upper().removesuffix("MHZ")


def _band(value: str) -> int | None:
    return integer(_word(value).lstrip("BN"), 1, 512)


def _lte_channel(value: str, band: int | None) -> int | None:
    """EM75 firmware says 0 in band 66, whose numbers are beyond 16 bits; only band 1 has a 0."""
    channel = arfcn(Rat.LTE, _word(value))
    return None if channel == 0 and band != 1 else channel


def _lte_width(value: str) -> float | None:
    return lte_width_in_mhz(_word(value))


def _identity(value: str, end: int, unknown: frozenset[int]) -> int | None:
    """`8C65 (35941)`: the decimal number, or the hexadecimal one where it stands alone."""
    found = _IDENTITY.match(value)
    digits, decimal = (found[1], found[2]) if found else (None, None)
    number = integer(decimal, 0, end - 2) if decimal else hexadecimal(digits or "", end)
    return None if number in unknown else number


def _network(value: str) -> tuple[str | None, str | None]:
    mcc, _, mnc = _word(value).partition("-")
    return plmn(mcc, mnc)


def _attached(value: str) -> bool | None:
    said = value.lower()
    if said.startswith("not attached"):
        return False
    return True if said.startswith("attached") else None


def _rrc_state(value: str) -> str | None:
    """`RRC Connected` and `RRC Idle` in the words of other families."""
    said = " ".join(value.lower().split()[:2])
    if "disconnect" in said or "idle" in said:
        return "noconn"
    return "connect" if "connect" in said else said or None


# AT!LTEINFO?

_SECTION = re.compile(
    r"(?<![A-Za-z0-9])(Serving|IntraFreq|InterFreq|GSM|WCDMA|CDMA 1x|CDMA HRPD|CA SCell\d?)"
    r"[ \t]{0,8}:",
    re.IGNORECASE | re.ASCII,
)
_VALUE = re.compile(r"-{1,3}|-?[0-9][0-9A-F.]*", re.IGNORECASE | re.ASCII)
_ACTIVATED = "2"
"""Of a secondary cell, as Qualcomm counts: 0 released, 1 configured. Unverified for Sierra."""


def _rows(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Rows by column, with the section they are in; a heading is None."""
    text = "\n".join(lines)
    found = list(_SECTION.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):
        section = match[1].lower()
        yield section, None
        heading, *rows = text[match.end() : end].split("\n")
        # Two words are one column; "1900" says which of the two bands of that number it is.
        words = heading.upper().replace("1900 VALID", "VALID").split()
        names = [word for word in words if not _VALUE.fullmatch(word)]
        # What showed the answer may have joined its lines.
        for row in (words[len(names) :], *(line.split() for line in rows)):
            for cells in _chunks(names, row):
                yield section, cells


def _chunks(names: list[str], words: list[str]) -> Iterator[dict[str, str]]:
    width = len(names)
    for start in range(0, len(words) - width + 1, width) if width else ():
        yield dict(zip(names, words[start : start + width], strict=True))


def _row_cell(section: str, row: Said, serving: HeardCell | None) -> HeardCell | None:
    channel = arfcn(Rat.LTE, row.get("EARFCN", ""))
    cell = None
    match section:
        case "serving" if channel is not None:
            cell = _lte_of_row(row, Role.SERVING, channel)
        case "intrafreq":
            cell = _lte_of_row(row, Role.NEIGHBOUR, None if serving is None else serving.arfcn)
        case "interfreq":
            cell = _lte_of_row(row, Role.NEIGHBOUR, channel)
        case "wcdma":
            return _wcdma_neighbour(row)
        case "gsm":
            return _gsm_neighbour(row)
        case _ if section.startswith("ca scell") and row.get("ST", _ACTIVATED) == _ACTIVATED:
            cell = _lte_of_row(row, Role.SCC, channel)
    return None if cell is None or cell.pci is None else cell


def _lte_of_row(row: Said, role: Role, channel: int | None) -> HeardCell:
    mcc, mnc = plmn(row.get("MCC", ""), row.get("MNC", ""))
    cell_id = hexadecimal(row.get("CID", ""), ECI_END)
    return HeardCell(
        role=role,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        pci=pci(Rat.LTE, row.get("PCI", "")),
        tac=area_code(row.get("TAC", ""), LAC_END, 10),
        cell_id=None if cell_id in UNKNOWN_CELLS else cell_id,
        band=integer(row.get("BD", ""), 1, 512),
        bandwidth_mhz=lte_width(row.get("D", "")),
        ul_bandwidth_mhz=lte_width(row.get("U", "")) if role is Role.SERVING else None,
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, row.get("RSRP", "")),
        rsrq_db=level("rsrq_db", Rat.LTE, row.get("RSRQ", "")),
        rssi_dbm=rssi_dbm(row.get("RSSI", "")),
        sinr_db=level("sinr_db", Rat.LTE, row.get("SNR") or row.get("SINR", "")),
    )


def _wcdma_neighbour(row: Said) -> HeardCell | None:
    code = psc(row.get("PSC", ""))
    if code is None:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.WCDMA,
        arfcn=arfcn(Rat.WCDMA, row.get("UARFCN", "")),
        psc=code,
        rscp_dbm=rscp_dbm(row.get("RSCP", "")),
        ecio_db=ecio_db(row.get("ECN0", "")),
    )


def _gsm_neighbour(row: Said) -> HeardCell | None:
    channel = arfcn(Rat.GSM, row.get("ARFCN", ""))
    identity = row.get("BSIC", "")
    if channel is None or identity in ABSENT:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.GSM,
        arfcn=channel,
        bsic=bsic(identity),
        rssi_dbm=rssi_dbm(row.get("RSSI", "")),
    )
