"""Foxconn's other commands: technologies, bands, locked cells, temperatures. No I/O.

Each has a circumflex or a plus before its name, and some firmware leaves it out of the answer.
"""

import re

from drivers.modem.fields import (
    arfcn,
    at,
    integer,
    is_digits,
    level,
    nr_scs_khz,
    numbers,
    pci,
    split,
    within,
)
from drivers.modem.readers import Asked, Parse, Readers
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    HeardCell,
    LockedCell,
    Reading,
    Role,
)
from drivers.modem.replies import debug_text, rfsts
from wire.cells import Rat

LTE_ONLY = re.compile(r"T77W|DW582", re.IGNORECASE)
_NEWER_MODES: dict[int, tuple[str, ...]] = {
    1: ("wcdma",),
    2: ("lte",),
    3: ("wcdma", "lte"),
    4: ("nr",),
    5: ("wcdma", "nr"),
    6: ("lte", "nr"),
    7: ("wcdma", "lte", "nr"),
}
"""AT^SLMODE of T99W; 0 leaves the choice to the module."""
_OLDER_MODES: dict[int, tuple[str, ...]] = {
    13: ("gsm",),
    14: ("wcdma",),
    30: ("lte",),
    35: ("wcdma", "lte"),
}
"""Of T77W968. Unverified: from scripts that write them, without a capture of an answer."""
_EVERY_MODE = frozenset({0, 7, 35})
BAND_FIELDS = {"WCDMA": "wcdma", "LTE": "lte", "NR5G_NSA": "nr_nsa", "NR5G_SA": "nr_sa"}

_BAND_ROW = re.compile(
    r"(?:[\^+]\w{1,16}:)?[ \t]{0,4}(WCDMA|LTE|NR5G_NSA|NR5G_SA|NR5G)[ \t]{0,4},[ \t]{0,4}"
    r"(Enable|Disable) Bands[ \t]{0,4}:([0-9,: ]*)",
    re.IGNORECASE | re.ASCII,
)
_PAIR = re.compile(r"(?<![0-9])([0-9]{1,3})[ ]?,[ ]?([0-9]{1,6})(?![0-9])", re.ASCII)
_SENSOR = re.compile(
    r"([A-Z][\w ]{0,40})[ \t]{0,4}:[ \t]{0,4}(-?[0-9]{1,3}(?:\.[0-9]{1,2})?) ?C?",
    re.IGNORECASE | re.ASCII,
)
_SENSOR_C = (-40, 125)
_FREE = "notset"
"""Of `Have not set cell lock before`, without its spaces."""
_SYSCONFIG = {13: ("gsm",), 14: ("wcdma",)}


def mode(asked: Asked) -> Reading:
    """AT^SLMODE?: whether it outlives a reset, and the technologies; the codes differ by age."""
    for value in asked.values():
        code = integer(at(split(value), 1), 0, 99)
        if code is None:
            break
        older = bool(LTE_ONLY.match(asked.model))
        allowed = (_OLDER_MODES if older else _NEWER_MODES | _OLDER_MODES).get(code)
        if allowed is None and (code or older):
            return Reading(rat_lock=AllowedRats(raw=(code,)))
        return Reading(rat_lock=AllowedRats(allowed=allowed, auto=code in _EVERY_MODE))
    raise asked.unreadable()


def nr_mode(asked: Asked) -> Reading:
    """AT^NR5G_MODE?: 0 both, 1 EN-DC alone, 2 stand-alone."""
    for value in asked.values():
        if value in {"0", "1", "2"}:
            return Reading(rat_lock=AllowedRats(nr_sa=value != "1", nr_nsa=value != "2"))
    raise asked.unreadable()


def system(asked: Asked) -> Reading:
    """AT^SYSCONFIG? of T77W: technologies first. What 17 stands for is said in two ways."""
    for value in asked.values():
        fields = numbers(value)
        code = next(iter(fields), None)
        if code is None:
            break
        allowed = _SYSCONFIG.get(code)
        if code == 2:  # noqa: PLR2004  # automatic
            return Reading(rat_lock=AllowedRats(auto=True))
        if allowed is not None:
            return Reading(rat_lock=AllowedRats(allowed=allowed, auto=False))
        return Reading(rat_lock=AllowedRats(raw=fields))
    raise asked.unreadable()


def bands(asked: Asked) -> Reading:
    """AT^BAND_PREF_EXT?: `LTE,Enable Bands :1,3,7,`, and a row of those that are disabled."""
    enabled: dict[str, tuple[int, ...]] = {}
    rows = [found for line in asked.lines if (found := _BAND_ROW.fullmatch(line))]
    if not rows:
        raise asked.unreadable()
    for row in rows:
        if row[2].lower() == "enable":
            name = row[1].upper()
            # The older form has EN-DC and stand-alone together.
            for one in (name,) if name in BAND_FIELDS else ("NR5G_NSA", "NR5G_SA"):
                enabled[BAND_FIELDS[one]] = numbers(row[3].replace(":", ","))
    return Reading(bands=Bands(**enabled))


def lte_lock(asked: Asked) -> Reading:
    """AT^LTE_LOCK?: `(pci,earfcn)` up to eight times."""
    pairs = _PAIR.findall(_lock_text(asked))
    cells = tuple(
        LockedCell(earfcn=channel, pci=pci(Rat.LTE, identity))
        for identity, text in pairs
        if (channel := arfcn(Rat.LTE, text)) is not None
    )
    return Reading(cell_lock=CellLock(rat=Rat.LTE, cells=cells))


def nr_lock(asked: Asked) -> Reading:
    """AT^NR5G_LOCK?: `(band,spacing,arfcn,pci)`, once."""
    band, spacing, channel, identity = (*numbers(_lock_text(asked)), *(None,) * 4)[:4]
    cell = LockedCell(
        band=integer(str(band), 1, 512),
        scs_khz=nr_scs_khz(str(spacing)),
        earfcn=arfcn(Rat.NR, str(channel)),
        pci=pci(Rat.NR, str(identity)),
    )
    free = cell.earfcn is None
    return Reading(cell_lock=CellLock(rat=Rat.NR, cells=() if free else (cell,)))


def _lock_text(asked: Asked) -> str:
    """What is locked, without brackets; nothing where nothing is."""
    # Some firmware says it without the mark.
    value = next(asked.values(asked.name, asked.name.lstrip("^+")), None)
    said = "" if value is None else re.sub(r"[() ]", "", value).strip(",")
    locked = is_digits(said[:1])
    if not locked and _FREE not in said.lower():
        raise asked.unreadable()
    return said if locked else ""


def temperature(asked: Asked) -> Reading:
    """AT^TEMP?: a sensor in each row, `PA: 37C`; AT+TEMP has others, without the unit."""
    sensors = {}
    for line in asked.lines:
        row = _SENSOR.fullmatch(line)
        degrees = within(row[2], *_SENSOR_C) if row else None
        if row and degrees is not None:
            sensors[row[1].strip()] = degrees
    if asked.lines and not sensors:
        raise asked.unreadable()
    return Reading(temperature_c=sensors or None)


def measured(asked: Asked) -> Reading:
    """AT+VZWRSRP?: PCI, channel and RSRP of each cell it measures, in one row or many."""
    cells = []
    for value in asked.rows():
        fields = split(value)
        for start in range(0, len(fields) - 2, 3):
            identity = pci(Rat.LTE, fields[start])
            channel = arfcn(Rat.LTE, fields[start + 1])
            if identity is not None and channel is not None:
                cells.append(
                    HeardCell(
                        role=Role.MEASURED,
                        rat=Rat.LTE,
                        pci=identity,
                        arfcn=channel,
                        rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[start + 2]),
                    )
                )
    return Reading(cells=tuple(cells))


_BY_NAME: dict[str, Parse] = {
    "DEBUG": debug_text.debug,
    "CA_INFO": debug_text.ca_info,
    "TEMP": temperature,
    "SLMODE": mode,
    "NR5G_MODE": nr_mode,
    "SYSCONFIG": system,
    "BAND_PREF_EXT": bands,
    "BAND_PREF": bands,
    "SLBAND": bands,
    "LTE_LOCK": lte_lock,
    "NR5G_LOCK": nr_lock,
}

READERS: Readers = {
    **{f"^{name}": parse for name, parse in _BY_NAME.items()},
    **{f"+{name}": parse for name, parse in _BY_NAME.items()},
    "+VZWRSRP": measured,
    "^RFSTS": rfsts.serving,
}
ANSWERS_UNDER = {f"+{name}": frozenset({f"^{name}"}) for name in _BY_NAME}
"""Names of answers that stand under a command of the other mark."""
