"""Replies of 3GPP TS 27.007 commands, as the standard and as firmware has them. No I/O.

The functions take the information lines of one reply. They give None, or an empty tuple, where the
modem said that there is nothing, and raise `UnreadableError` where it said what we cannot read.
`READERS` has them all by command; every family understands these.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from drivers.modem.errors import UnreadableError
from drivers.modem.fields import at, hexadecimal, integer, is_digits, split, values
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import (
    ACT_OF_ENDC,
    RAT_BY_ACT,
    Address,
    AllowedRats,
    Bearer,
    Context,
    Failure,
    FoundOperator,
    Identity,
    Levels,
    Operator,
    Reading,
    Registration,
    Signal,
    SimCard,
)
from wire.kinds.radio import RegistrationState

ECI_END = 1 << 28
NCI_END = 1 << 36
LAC_END = 1 << 16
TAC_5G_END = 1 << 24

UNKNOWN_CELLS = frozenset({0xFFFFFFF, 0xFFFFFFFF})
"""All ones in 28 bits, and in the 32 bits some firmware prints them in."""
UNKNOWN_AREAS = frozenset({0xFFFE, 0xFFFF, 0xFFFFFE, 0xFFFFFF})

STATES = {
    0: "not-registered",
    1: "home",
    2: "searching",
    3: "denied",
    4: "unknown",
    5: "roaming",
    6: "home-sms-only",
    7: "roaming-sms-only",
    8: "emergency-only",
    9: "home-csfb-not-preferred",
    10: "roaming-csfb-not-preferred",
    11: "attached-rlos",
}
"""Words of <stat> (TS 27.007 7.2)."""

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

DOMAINS = {"+CREG": "cs", "+CGREG": "ps", "+CEREG": "eps", "+C5GREG": "5gs"}
_OPERATOR = re.compile(r'\(((?:"[^"]*"|[^()"])*)\)(?:,(\d{1,2})\))?')
_UCS2 = re.compile(r"(?:00[2-7][0-9A-F]){4,64}", re.IGNORECASE)
_HEX = re.compile(r"(?:[0-9A-F]{4}){1,64}", re.IGNORECASE)
MAX_RANGES = 256
"""Of a test command's answer; the longest that was seen has some forty."""
MAX_NAME_SERVERS = 4
_SERVICE_APNS = ("ims", "sos", "emergency", "xcap")
_OPERATOR_STATUS = ("unknown", "available", "current", "forbidden")
_POWER = {0: "off", 1: "on", 4: "low"}

WS46_RATS: Final[dict[int, tuple[str, ...]]] = {
    12: ("gsm",),
    22: ("wcdma",),
    25: ("gsm", "wcdma", "lte"),
    28: ("lte",),
    29: ("gsm", "wcdma"),
    30: ("gsm", "lte"),
    31: ("wcdma", "lte"),
    36: ("nr",),
    37: ("lte", "nr"),
    38: ("wcdma", "lte", "nr"),
    40: ("wcdma", "nr"),
}
"""TS 27.007 5.9."""


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


def act_words(act: int | None) -> str | None:
    """Technology of an <AcT>: that of the serving cell, but `nr-nsa` for EN-DC."""
    if act == ACT_OF_ENDC:
        return "nr-nsa"
    rat = None if act is None else RAT_BY_ACT.get(act)
    return None if rat is None else rat.value


def registration(lines: Iterable[str], prefix: str) -> Registration:
    """The answer to `AT<prefix>?`; unsolicited forms that came between are not it."""
    lines = tuple(lines)
    for value in values(lines, prefix):
        if (found := solicited_registration(value, prefix)) is not None:
            return found
    for value in values(lines, prefix):
        # Some firmware leaves <n> out of its answer: an area code is then right behind the state.
        fields = split(value)
        if len(fields) > 2 and len(fields[1]) > 3:  # noqa: PLR2004  # area and cell; no state
            found = _registration(fields, prefix, n=None)
            if found is not None:
                return found
    raise UnreadableError("\n".join(lines))


def solicited_registration(value: str, prefix: str) -> Registration | None:
    """`n,stat[,area,cell[,act...]]`; None for the form without `n`, or for neither."""
    fields = split(value)
    if '"' in value.partition(",")[2].partition(",")[0] or len(at(fields, 1)) > 3:  # noqa: PLR2004  # an area code
        return None
    n = integer(fields[0], 0, 7)
    if n is None or integer(at(fields, 1), 0, 99) is None:
        return None
    return _registration(fields[1:], prefix, n=n)


def unsolicited_registration(value: str, prefix: str) -> Registration | None:
    """`stat[,area,cell[,act...]]`, or with `n` all the same, as some firmware sends it."""
    fields = split(value)
    unquoted = value.partition(",")[2].lstrip()[:1] != '"'
    with_n = len(fields) > 1 and unquoted and len(at(fields, 1)) < 3  # noqa: PLR2004  # an area has four digits
    found = solicited_registration(value, prefix) if with_n else None
    return found or _registration(fields, prefix, n=None)


def best(registrations: Iterable[Registration]) -> RegistrationState | None:
    """The state that counts over all domains; None where none answered."""
    states = {found.counted for found in registrations}
    return next((state for state in BEST_FIRST if state in states), None)


def operator(lines: Iterable[str]) -> Operator:
    """The registered network; a mode alone where there is none (TS 27.007 7.3)."""
    lines = tuple(lines)
    rows = [_operator(split(value)) for value in values(lines, "+COPS")]
    if not rows:
        raise UnreadableError("\n".join(lines))
    # Asked on one line in two formats, it has a row for the name and one for the number.
    named = next((row for row in rows if row.name), rows[0])
    numbered = next((row for row in rows if row.plmn), rows[0])
    return Operator(
        mode=rows[0].mode,
        format=rows[0].format,
        name=named.name,
        plmn=numbered.plmn,
        mcc=numbered.mcc,
        mnc=numbered.mnc,
        act=rows[0].act,
        rat=rows[0].rat,
    )


def _operator(fields: list[str]) -> Operator:
    act = integer(at(fields, 3), 0, 99)
    name: str | None = plain_text(at(fields, 2))
    digits = (name or "").replace(" ", "")
    mcc = mnc = None
    if is_digits(digits) and len(digits) in {5, 6}:
        mcc, mnc, name = digits[:3], digits[3:], None
    return Operator(
        mode=integer(fields[0], 0, 4),
        format=integer(at(fields, 1), 0, 2),
        name=name or None,
        plmn=digits if mcc else None,
        mcc=mcc,
        mnc=mnc,
        act=act,
        rat=act_words(act),
    )


def operators(lines: Iterable[str]) -> tuple[FoundOperator, ...]:
    """Networks of a COPS=? scan, on one line or many; the lists of what it takes are none.

    Some firmware closes the bracket before the technology, or gives none at all.
    """
    text = "\n".join(line.partition(":")[2] if _is_cops(line) else line for line in lines)
    found = []
    for group, behind in _OPERATOR.findall(text):
        fields = split(group)
        status = integer(fields[0], 0, 3)
        if '"' not in group or status is None:
            continue
        ucs2 = _UCS2.fullmatch(at(fields, 3)) is not None
        digits = plain_text(at(fields, 3)).replace(" ", "")
        act = integer(at(fields, 4) or behind, 0, 99)
        found.append(
            FoundOperator(
                status=_OPERATOR_STATUS[status],
                long=plain_text(at(fields, 1), ucs2=ucs2) or None,
                short=plain_text(at(fields, 2), ucs2=ucs2) or None,
                plmn=digits if is_digits(digits) and len(digits) in {5, 6} else None,
                act=act,
                rat=act_words(act),
            )
        )
    return tuple(found)


def plain_text(text: str, *, ucs2: bool = False) -> str:
    """Text that may have come as UCS2: it is known to, or it is nothing but ASCII in it."""
    if _UCS2.fullmatch(text) or (ucs2 and _HEX.fullmatch(text)):
        return bytes.fromhex(text).decode("utf-16-be", errors="replace")
    return text


def _is_cops(line: str) -> bool:
    return line.upper().startswith("+COPS")


def csq(lines: Iterable[str]) -> Signal:
    """AT+CSQ, whose 0 to 31 are steps of 2 dB from -113 dBm on (TS 27.007 8.5)."""
    lines = tuple(lines)
    for value in values(lines, "+CSQ"):
        index = integer(split(value)[0], 0, 199)
        if index is not None:
            return Signal(csq=index, rssi_dbm=stepped(str(index), 31, -113, 2))
    raise UnreadableError("\n".join(lines))


def quality(lines: Iterable[str]) -> Signal:
    """AT+CESQ with six fields, or nine where NR is known; the lower bound of each interval.

    The NR triple is RSRQ, RSRP, SINR (TS 27.007 8.69).
    """
    lines = tuple(lines)
    for value in values(lines, "+CESQ"):
        fields = split(value)
        if len(fields) < 6:  # noqa: PLR2004  # see the docstring
            break
        return Signal(
            gsm=some(Levels(rssi_dbm=stepped(fields[0], 63, -111, 1)))
            if integer(fields[5], 0, 97) is None and integer(fields[2], 0, 96) is None
            else None,
            wcdma=some(
                Levels(
                    rscp_dbm=stepped(fields[2], 96, -121, 1),
                    ecio_db=stepped(fields[3], 49, -24.5, 0.5),
                )
            ),
            lte=some(
                Levels(
                    rsrq_db=stepped(fields[4], 34, -20, 0.5),
                    rsrp_dbm=stepped(fields[5], 97, -141, 1),
                )
            ),
            nr=some(
                Levels(
                    rsrq_db=stepped(at(fields, 6), 126, -43.5, 0.5),
                    rsrp_dbm=stepped(at(fields, 7), 126, -157, 1),
                    sinr_db=stepped(at(fields, 8), 127, -23.5, 0.5),
                )
            ),
        )
    raise UnreadableError("\n".join(lines))


def numbers_in_ranges(text: str) -> frozenset[int]:
    """`(12,22,(29-31))` as the set of its numbers: the answer to a test command."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d{1,4})(?:-(\d{1,4}))?", text)[:MAX_RANGES]:
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def listed(lines: Iterable[str], prefix: str) -> frozenset[int]:
    """The values the first parameter of a command takes, as its test form lists them.

    `+X: (0-2),(5)`, `(0,1)` without a prefix, and lists within lists; empty where none is there.
    """
    lines = tuple(lines)
    text = next(values(lines, prefix), None) or bare(lines) or ""
    found = re.match(r"[^(]*\(((?:[^()]|\([^()]*\))*)\)", text)
    return numbers_in_ranges(found[1]) if found else frozenset()


def bare(lines: Iterable[str], prefix: str = "") -> str | None:
    """The value of a one-line answer, with or without prefix and quotes; None when empty.

    Of two quoted ones the first.
    """
    for line in lines:
        value = next(values([line], prefix), line) if prefix else line
        value = value.strip().strip('"').partition('","')[0].strip()
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
    words = sim_words(lines, final)
    named = {
        "ready": SimState.READY,
        "pin": SimState.PIN,
        "puk": SimState.PUK,
        "absent": SimState.ABSENT,
        "failure": SimState.FAILED,
        "busy": SimState.BUSY,
        None: SimState.UNKNOWN,
    }
    return named.get(words, SimState.LOCKED)


def sim_words(lines: Iterable[str], final: str = "") -> str | None:
    """What AT+CPIN? says in a word, e.g. `pin` or `ph-net-pin`; None where it says nothing."""
    value = next(values(lines, "+CPIN"), "").strip('"').upper()
    if value in {"NOT INSERTED", "NOT READY"}:
        return "absent" if value == "NOT INSERTED" else "busy"
    if value:
        return value.removeprefix("SIM ").replace(" ", "-").lower()
    reason = final.partition(":")[2].strip().lower()
    return {
        "10": "absent",
        "sim not inserted": "absent",
        "11": "pin",
        "sim pin required": "pin",
        "12": "puk",
        "sim puk required": "puk",
        "13": "failure",
        "sim failure": "failure",
        "14": "busy",
        "sim busy": "busy",
        "15": "failure",
        "sim wrong": "failure",
    }.get(reason)


def identification(
    ati: Iterable[str],
    *,
    manufacturer: str | None,
    model: str | None,
    firmware: str | None,
) -> Identification:
    """Who answers, from ATI and from what the single commands gave."""
    said = identity(ati)
    return Identification(
        manufacturer=manufacturer or said.manufacturer,
        model=model or said.model,
        firmware=firmware or said.revision,
        imei=said.imei,
    )


def identity(ati: Iterable[str]) -> Identity:
    """ATI: either `Model: X` lines, or maker, model and revision in this order."""
    lines = [line for line in ati if not line.startswith("+")]
    named: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            named.setdefault(name.strip().lower(), value.strip().strip('"'))
    bare_lines = [line for line in lines if ":" not in line]
    revision = next((text for name, text in named.items() if name.startswith("revision")), None)
    if len(bare_lines) == 1 and not named:
        # Alone it is the maker's name, or that of the model, which has digits in it.
        text = bare_lines[0]
        is_model, is_name = any(map(is_digits, text)), any(map(str.isalpha, text))
        return Identity(
            manufacturer=text if is_name and not is_model else None,
            model=text if is_name and is_model else None,
        )
    return Identity(
        manufacturer=named.get("manufacturer") or at(bare_lines, 0) or None,
        model=named.get("model") or at(bare_lines, 1) or None,
        revision=revision or at(bare_lines, 2) or None,
        svn=named.get("svn") or None,
        imei=imei([named.get("imei", "")]),
    )


def addresses(lines: Iterable[str]) -> tuple[Address, ...]:
    """AT+CGPADDR: one for each context that has any; all zeros are none (TS 27.007 10.1.14)."""
    found = []
    for value in values(lines, "+CGPADDR"):
        fields = split(value)
        ipv4 = ipv6 = None
        for text in fields[1:]:
            # Air724UG puts both families into one string, each behind its name.
            for part in re.split(r"\s+|(?<=\D)(?=IPV[46]:)", text):
                address = ip_address(re.sub(r"^IPV[46]:", "", part, flags=re.IGNORECASE))
                if isinstance(address, ipaddress.IPv4Address):
                    ipv4 = ipv4 or str(address)
                elif address is not None:
                    ipv6 = ipv6 or str(address)
        if ipv4 or ipv6:
            found.append(Address(cid=integer(fields[0], 0, 255), ipv4=ipv4, ipv6=ipv6))
    return tuple(found)


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address in any notation of 27.007, a mask behind it ignored; None for zero or none."""
    text = text.partition("/")[0]
    numbers = text.split(".")
    try:
        if len(numbers) in {16, 32}:
            address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv6Address(
                bytes(int(number) for number in numbers[:16])
            )
        elif len(numbers) in {4, 8}:
            address = ipaddress.IPv4Address(bytes(int(number) for number in numbers[:4]))
        else:
            address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if address.is_unspecified else address


def bearer(lines: Iterable[str]) -> Bearer | None:
    """AT+CGCONTRDP, mask apart (Rel-8) or joined to the address (Rel-9 on); None without a row."""
    rows = [split(value) for value in values(lines, "+CGCONTRDP")]
    if not rows:
        return None
    # A bearer has a row for each family; those of other bearers may follow.
    rows = [fields for fields in rows if fields[0] == rows[0][0]]
    ipv4 = ipv6 = netmask = gateway = None
    dns: list[str] = []
    for fields in rows:
        address, rest = at(fields, 3), fields[4:]
        numbers = address.split(".")
        if len(numbers) == 8:  # noqa: PLR2004  # address and mask
            netmask = netmask or ".".join(numbers[4:])
        elif len(numbers) == 4 and _is_netmask(at(rest, 0)):  # noqa: PLR2004  # an address
            netmask, rest = netmask or rest[0], rest[1:]
        found = ip_address(address)
        if isinstance(found, ipaddress.IPv4Address):
            ipv4 = ipv4 or str(found)
        elif found is not None:
            ipv6 = ipv6 or str(found)
        if isinstance(found, ipaddress.IPv4Address):
            # Some firmware has the address of the other family next, where the gateway should be.
            other = ip_address(at(rest, 0))
            if isinstance(other, ipaddress.IPv6Address):
                ipv6, rest = ipv6 or str(other), rest[1:]
        way = ip_address(at(rest, 0))
        gateway = gateway or (None if way is None else str(way))
        servers = (ip_address(text) for text in rest[1:3])
        dns.extend(str(server) for server in servers if server is not None)
    return Bearer(
        cid=integer(rows[0][0], 0, 255),
        bearer_id=integer(at(rows[0], 1), 0, 255),
        apn=at(rows[0], 2) or None,
        ipv4=ipv4,
        ipv6=ipv6,
        netmask=netmask,
        gateway=gateway,
        dns=tuple(dns) or None,
    )


def name_servers(lines: Iterable[str]) -> tuple[str, ...]:
    """DNS servers of AT+CGCONTRDP: of the first bearer that has any and carries data of its own.

    Empty without a bearer. Voice over IMS and emergency calls have servers that answer nobody else.
    """
    by_bearer: dict[str, list[str]] = {}
    for value in values(lines, "+CGCONTRDP"):
        by_bearer.setdefault(split(value)[0], []).append(f"+CGCONTRDP: {value}")
    for rows in by_bearer.values():
        found = bearer(rows)
        if found is None or found.dns is None:
            continue
        if not (found.apn or "").lower().startswith(_SERVICE_APNS):
            return tuple(dict.fromkeys(found.dns))[:MAX_NAME_SERVERS]
    return ()


def failure(final: str) -> Failure | None:
    """A final result as an error; None for one that is a success."""
    head, _, text = final.partition(":")
    head, text = head.strip().upper(), text.strip()
    if head == "OK" or head.startswith("CONNECT"):
        return None
    kind = {"+CME ERROR": "cme", "+CMS ERROR": "cms", "ERROR": "error"}.get(head)
    if kind is None:
        return Failure(kind=head.lower().replace(" ", "-"))
    code = integer(text, 0, 99_999)
    return Failure(kind=kind, code=code, text=text if text and code is None else None)


def stepped(text: str, highest: int, start: float, step: float) -> float | None:
    """The level of an index from 0 to `highest`; None for any other number, e.g. 99 or 255."""
    index = integer(text, 0, highest)
    return None if index is None else start + step * index


def some(levels: Levels) -> Levels | None:
    """The levels, or None where there are none."""
    return None if levels == Levels() else levels


def _registration(fields: list[str], prefix: str, *, n: int | None) -> Registration | None:
    stat = integer(fields[0], 0, 99)
    if stat is None:
        return None
    rest = list(_without_rac(fields[1:]))
    act = integer(at(rest, 2), 0, 99)
    area = hexadecimal(at(rest, 0), TAC_5G_END)
    area = None if area in UNKNOWN_AREAS else area
    cell_id = hexadecimal(at(rest, 1), NCI_END)
    is_tac = prefix.upper() in {"+CEREG", "+C5GREG"}
    # A cause follows the technology; PS has the routing area and 5GS the slices in between.
    causes = rest[{"+CGREG": 4, "+C5GREG": 5}.get(prefix.upper(), 3) :]
    return Registration(
        domain=DOMAINS.get(prefix.upper()),
        n=n,
        stat=stat,
        state=STATES.get(stat, "unknown"),
        tac=area if is_tac else None,
        lac=None if is_tac else area,
        cell_id=None if cell_id in UNKNOWN_CELLS else cell_id,
        act=act,
        rat=act_words(act),
        cause_type=integer(at(causes, 0), 0, 1) if len(at(causes, 0)) == 1 else None,
        reject_cause=integer(at(causes, 1), 0, 255) if at(causes, 0) else None,
        urc=None,
    )


def _without_rac(fields: list[str]) -> Iterator[str]:
    """Some firmware puts the routing area, two hex digits, before the cell."""
    has_rac = len(at(fields, 1)) == 2 and len(at(fields, 2)) > 2  # noqa: PLR2004  # hex digits
    for index, field in enumerate(fields):
        if not (has_rac and index == 1):
            yield field


def _is_netmask(text: str) -> bool:
    try:
        ipaddress.IPv4Network(f"0.0.0.0/{text}")
    except ValueError:
        return False
    return text.startswith("255.")


# The readers, by command.


def _read_registration(asked: Asked) -> Reading:
    if asked.unsolicited:
        for value in asked.values():
            found = unsolicited_registration(value, asked.name)
            if found is not None:
                return Reading(registration=_unasked(found))
        raise asked.unreadable()
    # Some firmware answers for one domain under the name of another.
    names = (asked.name, *(name for name in DOMAINS if name != asked.name))
    name = next((name for name in names if any(asked.values(name))), asked.name)
    return Reading(registration=registration(asked.lines, name))


def _unasked(found: Registration) -> Registration:
    return Registration(
        **{name: getattr(found, name) for name in found.__struct_fields__ if name != "urc"},
        urc=True,
    )


def _read_operator(asked: Asked) -> Reading:
    return Reading(operator=operator(asked.lines))


def _read_operators(asked: Asked) -> Reading:
    if not any(asked.values()):
        raise asked.unreadable()
    return Reading(operators=operators(asked.lines))


def _read_csq(asked: Asked) -> Reading:
    return Reading(signal=csq(asked.lines))


def _read_quality(asked: Asked) -> Reading:
    return Reading(signal=quality(asked.lines))


def _read_sim(asked: Asked) -> Reading:
    words = sim_words(asked.lines)
    if words is None:
        raise asked.unreadable()
    return Reading(sim=SimCard(state=words))


def _read_ati(asked: Asked) -> Reading:
    return Reading(identity=identity(asked.lines))


def _read_manufacturer(asked: Asked) -> Reading:
    return Reading(identity=Identity(manufacturer=bare(asked.lines, asked.name)))


def _read_model(asked: Asked) -> Reading:
    return Reading(identity=Identity(model=bare(asked.lines, asked.name)))


def _read_revision(asked: Asked) -> Reading:
    said = bare(asked.lines, asked.name)
    return Reading(identity=Identity(revision=re.sub(r"^Revision:\s*", "", said) if said else None))


def _read_imei(asked: Asked) -> Reading:
    return Reading(identity=Identity(imei=imei(asked.lines)))


def _read_imsi(asked: Asked) -> Reading:
    return Reading(identity=Identity(imsi=imsi(asked.lines)))


def _read_iccid(asked: Asked) -> Reading:
    return Reading(identity=Identity(iccid=iccid(asked.lines)))


def _read_own_number(asked: Asked) -> Reading:
    numbers = (at(split(value), 1) for value in asked.values())
    return Reading(identity=Identity(msisdn=next((number for number in numbers if number), None)))


def _read_power(asked: Asked) -> Reading:
    for value in asked.values():
        cfun = integer(split(value)[0], 0, 255)
        if cfun is not None:
            return Reading(cfun=cfun, power=_POWER.get(cfun))
    raise asked.unreadable()


def _read_attached(asked: Asked) -> Reading:
    for value in asked.values():
        if value in {"0", "1"}:
            return Reading(attached=value == "1")
    raise asked.unreadable()


def _read_contexts(asked: Asked) -> Reading:
    rows = [split(value) for value in asked.rows()]
    return Reading(
        pdp=tuple(
            Context(cid=cid, type=at(fields, 1) or None, apn=at(fields, 2) or None)
            for fields in rows
            if (cid := integer(fields[0], 0, 255)) is not None
        )
    )


def read_active(asked: Asked) -> Reading:
    """Contexts by number, and whether each is active: `1,1` in each row."""
    rows = [split(value) for value in asked.rows()]
    return Reading(
        pdp_active={
            fields[0].lstrip("0") or "0": at(fields, 1) == "1"
            for fields in rows
            if is_digits(fields[0]) and at(fields, 1) in {"0", "1"}
        }
    )


def _read_addresses(asked: Asked) -> Reading:
    asked.rows()
    return Reading(addresses=addresses(asked.lines))


def _read_bearer(asked: Asked) -> Reading:
    found = bearer(asked.lines)
    if found is None:
        raise asked.unreadable()
    return Reading(bearer=found)


def _read_ws46(asked: Asked) -> Reading:
    number = integer(bare(asked.lines, asked.name) or "", 0, 99)
    rats = WS46_RATS.get(number or 0)
    if rats is None:
        raise asked.unreadable()
    return Reading(rat_lock=AllowedRats(allowed=rats, auto=len(rats) > 2))  # noqa: PLR2004  # pairs are a choice


def read_supported(asked: Asked) -> Reading:
    """A test command: the values its first parameter takes."""
    numbers = listed(asked.lines, asked.name)
    if not numbers:
        raise asked.unreadable()
    return Reading(supported={asked.name.lstrip("+^$#!*%&").lower(): tuple(sorted(numbers))})


READERS: Readers = {
    **dict.fromkeys(DOMAINS, _read_registration),
    "+COPS": _read_operator,
    "+COPS=?": _read_operators,
    "+CSQ": _read_csq,
    "+CESQ": _read_quality,
    "+CPIN": _read_sim,
    "I": _read_ati,
    "+GSV": _read_ati,
    **dict.fromkeys(("+CGMI", "+GMI"), _read_manufacturer),
    **dict.fromkeys(("+CGMM", "+GMM"), _read_model),
    **dict.fromkeys(("+CGMR", "+GMR"), _read_revision),
    **dict.fromkeys(("+CGSN", "+GSN", "+EGMR"), _read_imei),
    "+CIMI": _read_imsi,
    **dict.fromkeys(("+CCID", "+ICCID", "+QCCID", "#CCID", "^ICCID", "!ICCID"), _read_iccid),
    "$MYCCID": _read_iccid,
    "+CNUM": _read_own_number,
    "+CFUN": _read_power,
    "+CGATT": _read_attached,
    "+CGDCONT": _read_contexts,
    "+CGACT": read_active,
    "+CGPADDR": _read_addresses,
    "+CGCONTRDP": _read_bearer,
    "+WS46": _read_ws46,
    "=?": read_supported,
}
