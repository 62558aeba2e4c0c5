"""Replies of 3GPP TS 27.007 commands, as the standard and as firmware has them. No I/O.

Each function takes the information lines of one reply. It gives None, or an empty tuple, where the
modem said that there is nothing, and raises `UnreadableError` where it said what we cannot read.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from drivers.modem.errors import UnreadableError
from drivers.modem.fields import at, hexadecimal, integer, plmn, split, values
from wire.cells import Cell, Rat
from wire.kinds.radio import RegistrationState

ECI_END = 1 << 28
NCI_END = 1 << 36
LAC_END = 1 << 16
TAC_5G_END = 1 << 24

RAT_BY_ACT = {
    0: Rat.GSM,
    1: Rat.GSM,
    2: Rat.WCDMA,
    3: Rat.GSM,
    4: Rat.WCDMA,
    5: Rat.WCDMA,
    6: Rat.WCDMA,
    7: Rat.LTE,
    8: Rat.GSM,
    9: Rat.LTE,
    10: Rat.LTE,
    11: Rat.NR,
    12: Rat.NR,
    13: Rat.LTE,
}
"""By <AcT>; 13 is EN-DC, whose serving cell is LTE."""

UNKNOWN_CELLS = frozenset({0xFFFFFFF, 0xFFFFFFFF})
"""All ones in 28 bits, and in the 32 bits some firmware prints them in."""

_STATES = {
    0: RegistrationState.IDLE,
    1: RegistrationState.HOME,
    2: RegistrationState.SEARCHING,
    3: RegistrationState.DENIED,
    4: RegistrationState.UNKNOWN,
    5: RegistrationState.ROAMING,
    6: RegistrationState.HOME,
    7: RegistrationState.ROAMING,
    8: RegistrationState.EMERGENCY,
    9: RegistrationState.HOME,
    10: RegistrationState.ROAMING,
    11: RegistrationState.EMERGENCY,
}
"""By <stat>; 6 and 7 are "SMS only", which firmware says of CS while LTE is fully up."""

BEST_FIRST = (
    RegistrationState.HOME,
    RegistrationState.ROAMING,
    RegistrationState.EMERGENCY,
    RegistrationState.DENIED,
    RegistrationState.SEARCHING,
    RegistrationState.IDLE,
    RegistrationState.UNKNOWN,
)
"""A denial in one domain says more than the search or silence of another."""


class SimState(StrEnum):
    """What AT+CPIN? says. The driver only ever asks; it never sends a PIN."""

    READY = "ready"
    PIN = "pin"
    PUK = "puk"
    ABSENT = "absent"
    BUSY = "busy"
    FAILED = "failed"
    LOCKED = "locked"
    """Any other code the card or the device wants, e.g. a network lock."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Identification:
    """What a modem says of itself, before anybody knows its family."""

    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    imei: str | None = None


@dataclass(frozen=True)
class Registration:
    """One domain's answer."""

    state: RegistrationState
    rat: Rat | None = None
    area_code: int | None = None
    """LAC, or TAC in the EPS and 5GS domains."""
    cell_id: int | None = None

    @property
    def registered(self) -> bool:
        """Whether the network has taken us, at home or roaming."""
        return self.state in {RegistrationState.HOME, RegistrationState.ROAMING}


@dataclass(frozen=True)
class Operator:
    """The registered network as AT+COPS? has it."""

    plmn: str | None
    act: int | None


@dataclass(frozen=True)
class Quality:
    """AT+CESQ; every level None where the modem says "not known"."""

    gsm_rssi_dbm: float | None = None
    rscp_dbm: float | None = None
    ecio_db: float | None = None
    lte_rsrq_db: float | None = None
    lte_rsrp_dbm: float | None = None
    nr_rsrq_db: float | None = None
    nr_rsrp_dbm: float | None = None
    nr_sinr_db: float | None = None


def rat_of_act(text: str) -> Rat | None:
    """Technology of an <AcT> field; None for one that is missing or unknown."""
    act = integer(text, 0, 99)
    return None if act is None else RAT_BY_ACT.get(act)


def registration(lines: Iterable[str], prefix: str) -> Registration:
    """The answer to `AT<prefix>?`; unsolicited forms that came between are not it."""
    lines = tuple(lines)
    for value in values(lines, prefix):
        if (found := solicited_registration(value)) is not None:
            return found
    raise UnreadableError("\n".join(lines))


def solicited_registration(value: str) -> Registration | None:
    """`n,stat[,area,cell[,act...]]`; None for the form without `n`, or for neither."""
    fields = split(value)
    if '"' in value.partition(",")[2].partition(",")[0] or len(at(fields, 1)) > 3:  # noqa: PLR2004  # an area code
        return None
    if integer(fields[0], 0, 5) is None or integer(at(fields, 1), 0, 99) is None:
        return None
    return _registration(fields[1:])


def unsolicited_registration(value: str) -> Registration | None:
    """`stat[,area,cell[,act...]]`, or with `n` all the same, as some firmware sends it."""
    return solicited_registration(value) or _registration(split(value))


def best(registrations: Iterable[Registration]) -> RegistrationState | None:
    """The state that counts over all domains; None where none answered."""
    states = {found.state for found in registrations}
    return next((state for state in BEST_FIRST if state in states), None)


def operator(lines: Iterable[str]) -> Operator | None:
    """The registered network; None when there is none. Needs the numeric format."""
    lines = tuple(lines)
    for value in values(lines, "+COPS"):
        fields = split(value)
        if len(fields) < 3:  # noqa: PLR2004  # mode, format, operator
            return None
        digits = at(fields, 2).replace(" ", "")
        numeric = digits.isdecimal() and len(digits) in {5, 6}
        return Operator(plmn=digits if numeric else None, act=integer(at(fields, 3), 0, 99))
    raise UnreadableError("\n".join(lines))


def operators(lines: Iterable[str]) -> tuple[Cell, ...]:
    """Networks of a COPS=? scan, one cell without levels for each network and technology."""
    found = {}
    for value in values(lines, "+COPS"):
        for group in re.findall(r'\(((?:"[^"]*"|[^()"])*)\)', value):
            fields = split(group)
            rat = rat_of_act(at(fields, 4) or "0")
            mcc, mnc = _split_plmn(at(fields, 3))
            if rat is not None and mcc is not None and '"' in group:
                found[rat, mcc, mnc] = Cell(rat=rat, mcc=mcc, mnc=mnc)
    return tuple(found.values())


def rssi_dbm(lines: Iterable[str]) -> float | None:
    """AT+CSQ, whose 0 to 31 are steps of 2 dB from -113 dBm on."""
    lines = tuple(lines)
    for value in values(lines, "+CSQ"):
        return _stepped(split(value)[0], 31, -113, 2)
    raise UnreadableError("\n".join(lines))


def quality(lines: Iterable[str]) -> Quality:
    """AT+CESQ with six fields, or nine where NR is known; the lower bound of each interval."""
    lines = tuple(lines)
    for value in values(lines, "+CESQ"):
        fields = split(value)
        if len(fields) < 6:  # noqa: PLR2004  # see the docstring
            break
        return Quality(
            gsm_rssi_dbm=_stepped(fields[0], 63, -111, 1),
            rscp_dbm=_stepped(fields[2], 96, -121, 1),
            ecio_db=_stepped(fields[3], 49, -24.5, 0.5),
            lte_rsrq_db=_stepped(fields[4], 34, -20, 0.5),
            lte_rsrp_dbm=_stepped(fields[5], 97, -141, 1),
            nr_rsrq_db=_stepped(at(fields, 6), 126, -43.5, 0.5),
            nr_rsrp_dbm=_stepped(at(fields, 7), 126, -157, 1),
            nr_sinr_db=_stepped(at(fields, 8), 127, -23.5, 0.5),
        )
    raise UnreadableError("\n".join(lines))


def numbers_in_ranges(text: str) -> frozenset[int]:
    """`(12,22,(29-31))` as the set of its numbers: the answer to a test command."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d{1,4})(?:-(\d{1,4}))?", text):
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def bare(lines: Iterable[str], prefix: str = "") -> str | None:
    """The value of a one-line answer, with or without prefix and quotes; None when empty."""
    for line in lines:
        value = next(values([line], prefix), line) if prefix else line
        value = value.strip().strip('"').strip()
        if value and value.upper() != "ERROR":
            return value
    return None


def imei(lines: Iterable[str]) -> str | None:
    """Fifteen digits, wherever in the answer they are."""
    found = re.search(r"(?<!\d)\d{15}(?!\d)", "\n".join(lines))
    return found[0] if found else None


def iccid(lines: Iterable[str]) -> str | None:
    """18 to 20 digits or hex letters, turned round where the card's nibbles are swapped."""
    found = re.search(
        r"(?<![0-9A-F])(?:89|98)[0-9A-F]{16,18}(?![0-9A-F])", "\n".join(lines), re.IGNORECASE
    )
    if found is None:
        return None
    digits = found[0].upper()
    if digits.startswith("98"):
        digits = "".join(digits[i + 1 : i + 2] + digits[i] for i in range(0, len(digits), 2))
    return digits.rstrip("F")


def imsi(lines: Iterable[str]) -> str | None:
    """14 or 15 digits."""
    found = re.search(r"(?<!\d)\d{14,15}(?!\d)", "\n".join(lines))
    return found[0] if found else None


def mnc_digits(lines: Iterable[str]) -> int | None:
    """How long the home MNC is, from the card's EF_AD read by AT+CRSM (TS 31.102 4.2.18)."""
    for value in values(lines, "+CRSM"):
        fields = split(value)
        digits = at(fields, 2)
        if at(fields, 0) == "144" and len(digits) >= 8:  # noqa: PLR2004  # four bytes
            return integer(digits[7], 2, 3)
    return None


def sim_state(lines: Iterable[str], final: str) -> SimState:
    """AT+CPIN? with its final result: a missing card is an error code or its words."""
    value = next(values(lines, "+CPIN"), "").strip('"').upper()
    if value:
        named = {"READY": SimState.READY, "SIM PIN": SimState.PIN, "SIM PUK": SimState.PUK}
        return named.get(value, SimState.LOCKED)
    reason = final.partition(":")[2].strip().lower()
    named = {
        "10": SimState.ABSENT,
        "sim not inserted": SimState.ABSENT,
        "11": SimState.PIN,
        "sim pin required": SimState.PIN,
        "12": SimState.PUK,
        "sim puk required": SimState.PUK,
        "13": SimState.FAILED,
        "sim failure": SimState.FAILED,
        "14": SimState.BUSY,
        "sim busy": SimState.BUSY,
    }
    return named.get(reason, SimState.UNKNOWN)


def identification(
    ati: Iterable[str],
    *,
    manufacturer: str | None,
    model: str | None,
    firmware: str | None,
) -> Identification:
    """Who answers, from ATI and from what the single commands gave.

    ATI is either `Model: X` lines, or maker, model and revision in this order.
    """
    lines = [line for line in ati if not line.startswith("+")]
    named = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    }
    bare_lines = [line for line in lines if ":" not in line]
    return Identification(
        manufacturer=manufacturer or named.get("manufacturer") or at(bare_lines, 0) or None,
        model=model or named.get("model") or at(bare_lines, 1) or None,
        firmware=firmware or named.get("revision"),
        imei=imei([named.get("imei", "")]),
    )


def _registration(fields: list[str]) -> Registration | None:
    stat = integer(fields[0], 0, 99)
    if stat is None:
        return None
    rest = list(_without_rac(fields[1:]))
    cell_id = hexadecimal(at(rest, 1), NCI_END)
    return Registration(
        state=_STATES.get(stat, RegistrationState.UNKNOWN),
        rat=rat_of_act(at(rest, 2)),
        area_code=hexadecimal(at(rest, 0), TAC_5G_END),
        cell_id=None if cell_id in UNKNOWN_CELLS else cell_id,
    )


def _without_rac(fields: list[str]) -> Iterator[str]:
    """Some firmware puts the routing area, two hex digits, before the cell."""
    has_rac = len(at(fields, 1)) == 2 and len(at(fields, 2)) > 2  # noqa: PLR2004  # hex digits
    for index, field in enumerate(fields):
        if not (has_rac and index == 1):
            yield field


def _split_plmn(text: str) -> tuple[str | None, str | None]:
    digits = text.replace(" ", "")
    return plmn(digits[:3], digits[3:])


def _stepped(text: str, highest: int, start: float, step: float) -> float | None:
    index = integer(text, 0, highest)
    return None if index is None else start + step * index
