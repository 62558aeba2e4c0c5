"""Fibocom's other commands: locked cells, temperature, data call, profiles. No I/O."""

from collections.abc import Iterator, Sequence

from drivers.modem.fields import (
    MAX_ARFCN,
    MAX_PCI,
    at,
    integer,
    nr_scs_khz,
    number,
    numbers,
    split,
    within,
)
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import (
    Address,
    AllowedRats,
    CellLock,
    Connected,
    Identity,
    LockedCell,
    Operator,
    Reading,
)
from drivers.modem.replies.gtccinfo import nr_band
from drivers.modem.standard import READERS as STANDARD
from drivers.modem.standard import bare, ip_address
from wire.cells import Rat

_LOCK_RATS = {"0": Rat.LTE, "1": Rat.NR}
_ONE_CHANNEL = "1"
"""Kind of a lock; the other is of one cell."""
_MAX_LTE_BAND = 99
_SENSOR_C = (-40.0, 125.0)
_THOUSANDTHS_FROM = 1000
"""No sensor is so hot: it is a number of thousandths."""
_WAYS_TO_REPORT_END = 10
_STANDALONE, _NON_STANDALONE = 2, 4
"""Bits of the way MediaTek may attach to NR."""
_NO_OPERATOR = frozenset({"", "65535"})
_PSRAT = {"LTE": "lte", "NR": "nr-sa", "NR5G": "nr-sa", "ENDC": "nr-nsa", "EN-DC": "nr-nsa"}
_PSRAT |= {"WCDMA": "wcdma", "UMTS": "wcdma", "GSM": "gsm", "NONE": "no-service"}


def locked_cells(asked: Asked) -> Reading:
    """AT+GTCELLLOCK?: `on,technology,kind,channel[,PCI[,spacing,band]]`; a switch alone is off."""
    cells: list[LockedCell] = []
    rat = None
    for value in asked.rows():
        fields = split(value)
        if fields[0] == "0":
            continue
        if fields[0] != "1":
            raise asked.unreadable()
        of = _LOCK_RATS.get(at(fields, 1))
        if rat is not None and of is not rat:
            continue
        rat = of
        cells.append(_locked_cell(of, fields[2:]))
    if not asked.lines:
        raise asked.unreadable()
    return Reading(cell_lock=CellLock(rat=rat, cells=tuple(cells)))


def _locked_cell(rat: Rat | None, fields: Sequence[str]) -> LockedCell:
    if rat is None:
        return LockedCell()
    band = at(fields, 4)
    return LockedCell(
        earfcn=integer(at(fields, 1), 0, MAX_ARFCN[rat]),
        pci=None if at(fields, 0) == _ONE_CHANNEL else integer(at(fields, 2), 0, MAX_PCI[rat]),
        scs_khz=nr_scs_khz(at(fields, 3)) if rat is Rat.NR else None,
        band=nr_band(band) if rat is Rat.NR else integer(band, 1, _MAX_LTE_BAND),
    )


def locked_by_mediatek(asked: Asked) -> Reading:
    """AT+EMMCHLCK?: `on,technology,..,channel,PCI`, where 7 stands for LTE and 11 for NR.

    unverified: MediaTek's own command, known from scripts that write it.
    """
    for value in asked.values():
        fields = split(value)
        rat = {"7": Rat.LTE, "11": Rat.NR}.get(at(fields, 1))
        if fields[0] == "0":
            return Reading(cell_lock=CellLock(cells=()))
        if fields[0] != "1" or rat is None:
            break
        cell = LockedCell(
            earfcn=integer(at(fields, 3), 0, MAX_ARFCN[rat]),
            pci=integer(at(fields, 4), 0, MAX_PCI[rat]),
        )
        return Reading(cell_lock=CellLock(rat=rat, cells=(cell,)))
    raise asked.unreadable()


def rats(asked: Asked) -> Reading:
    """AT+GTRAT? and AT+GTNRMODE?: numbers whose meaning differs by module."""
    for value in asked.values():
        found = numbers(value)
        if found:
            return Reading(rat_lock=AllowedRats(raw=found))
    raise asked.unreadable()


def architectures(asked: Asked) -> Reading:
    """AT+E5GOPT?: bits for LTE, NR alone and NR beside LTE. unverified: known from scripts."""
    for value in asked.values():
        mask = integer(split(value)[0], 0, 255)
        if mask is not None:
            alone, beside = bool(mask & _STANDALONE), bool(mask & _NON_STANDALONE)
            return Reading(rat_lock=AllowedRats(nr_sa=alone, nr_nsa=beside, raw=(mask,)))
    raise asked.unreadable()


def sensors(asked: Asked) -> Reading:
    """AT+GTSENRDTEMP=n: the number of a sensor, then thousandths of a degree; 0 where it is off."""
    found: list[float] = []
    for value in asked.rows():
        for text in split(value)[1:]:
            degrees = number(text) or 0.0
            if abs(degrees) >= _THOUSANDTHS_FROM:
                degrees /= 1000
            if degrees and _SENSOR_C[0] <= degrees <= _SENSOR_C[1]:
                found.append(degrees)
    if not asked.lines:
        raise asked.unreadable()
    return Reading(temperature_c=tuple(found) or None)


def temperature(asked: Asked) -> Reading:
    """AT+MTSM=1: degrees. With `?` it tells how it reports, or degrees where it reports them."""
    for value in asked.values():
        degrees = within(split(value)[-1], *_SENSOR_C)
        told = asked.arguments.strip() != "?" or (degrees or 0) >= _WAYS_TO_REPORT_END
        return Reading(temperature_c=degrees if told else None)
    raise asked.unreadable()


def data_call(asked: Asked) -> Reading:
    """AT+GTRNDIS? and AT+GTWWAN?: `up,context,addresses...,name servers...`; 0 alone is down.

    Both addresses of a bearer may stand in one pair of quotes.
    """
    for value in asked.values():
        state, *fields = split(value)
        if state not in {"0", "1"}:
            break
        if state == "0":
            return Reading(data_connected=Connected(ipv4=False), addresses=())
        found = [ip_address(text) for text in _addresses(fields[1:])]
        given = [address for address in found if address is not None]
        ipv4 = next((address for address in given if address.version == 4), None)  # noqa: PLR2004  # IPv4
        ipv6 = next((address for address in given if address.version == 6), None)  # noqa: PLR2004  # IPv6
        servers = tuple(str(address) for address in given if address not in {ipv4, ipv6})
        return Reading(
            data_connected=Connected(ipv4=ipv4 is not None, ipv6=True if ipv6 else None),
            addresses=(
                Address(
                    cid=integer(at(fields, 0), 0, 255),
                    ipv4=None if ipv4 is None else str(ipv4),
                    ipv6=None if ipv6 is None else str(ipv6),
                    dns=servers or None,
                ),
            ),
        )
    raise asked.unreadable()


def name_servers(asked: Asked) -> Reading:
    """AT+GTDNS=n: the servers of a context."""
    for value in asked.values():
        fields = split(value)
        found = (ip_address(text) for text in _addresses(fields))
        servers = tuple(str(address) for address in found if address is not None)
        named = None if "." in fields[0] or ":" in fields[0] else integer(fields[0], 0, 255)
        return Reading(addresses=(Address(cid=named, dns=servers),) if servers else ())
    raise asked.unreadable()


def _addresses(fields: Sequence[str]) -> Iterator[str]:
    for text in fields:
        yield from text.split(",")


def usb_profile(asked: Asked) -> Reading:
    """AT+GTUSBMODE?: the number of a set of interfaces."""
    for value in asked.values():
        mode = integer(split(value)[0], 0, 255)
        if mode is not None:
            return Reading(usb_profile=str(mode))
    raise asked.unreadable()


def carrier(asked: Asked) -> Reading:
    """AT+GTCURCAR?: number and name of the operator whose settings are in force."""
    for value in asked.values():
        fields = split(value)
        name = next((text for text in fields if number(text) is None and text), None)
        none = fields[0] in _NO_OPERATOR and not at(fields, 1)
        return Reading(operator=Operator(name=None if none else name))
    raise asked.unreadable()


def technology(asked: Asked) -> Reading:
    """AT+PSRAT?: the technology that serves, in words."""
    for value in asked.values():
        word = split(value)[-1].upper()
        mode = next((mode for name, mode in _PSRAT.items() if word.startswith(name)), None)
        if mode is not None:
            return Reading(mode="nr-nsa" if word.endswith("NSA") else mode)
    raise asked.unreadable()


def registration_5g(asked: Asked) -> Reading:
    """AT+C5GREG?, of which FM350 tells only how it reports: nothing is known of 5GS then."""
    values = [split(value) for value in asked.values()]
    if asked.command.endswith("?") and [len(fields) for fields in values] == [1]:
        if integer(values[0][0], 0, _WAYS_TO_REPORT_END) is None:
            raise asked.unreadable()
        return Reading()
    return STANDARD["+C5GREG"](asked)


def maker(asked: Asked) -> Reading:
    """AT+FMI, as AT+CGMI."""
    return Reading(identity=Identity(manufacturer=bare(asked.lines, asked.name)))


def model(asked: Asked) -> Reading:
    """AT+FMM, as AT+CGMM."""
    return Reading(identity=Identity(model=bare(asked.lines, asked.name)))


def revision(asked: Asked) -> Reading:
    """AT+FMR, as AT+CGMR, and AT+GTPKGVER?, which tells the whole package."""
    return Reading(identity=Identity(revision=bare(asked.lines, asked.name)))


READERS: Readers = {
    "+GTCELLLOCK": locked_cells,
    "+EMMCHLCK": locked_by_mediatek,
    "+GTRAT": rats,
    "+GTNRMODE": rats,
    "+E5GOPT": architectures,
    "+GTSENRDTEMP": sensors,
    "+MTSM": temperature,
    "+GTRNDIS": data_call,
    "+GTWWAN": data_call,
    "+GTDNS": name_servers,
    "+GTUSBMODE": usb_profile,
    "+GTCURCAR": carrier,
    "+PSRAT": technology,
    "+C5GREG": registration_5g,
    "+FMI": maker,
    "+FMM": model,
    "+FMR": revision,
    "+GTPKGVER": revision,
}
