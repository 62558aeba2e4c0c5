"""Huawei's words on service, card and data call: AT^SYSINFO and its kin. No I/O."""

import ipaddress
from collections.abc import Sequence

from drivers.modem.fields import at, integer, split
from drivers.modem.readers import Asked
from drivers.modem.reading import Address, Connected, Reading, SimCard, SystemInfo
from drivers.modem.standard import ip_address

IPV4_HEX_DIGITS = 8
_IPV4_ONES = (1 << 32) - 1
_DOMAINS = {1: "cs", 2: "ps", 3: "cs-ps"}
_MODES = {0: "no-service", 3: "gsm", 5: "wcdma", 15: "wcdma", 17: "lte"}
"""By the <sys_mode> of ^SYSINFO and ^MODE; ^SYSINFOEX counts otherwise, and says it in words."""
_WORDS = {
    "NO SERVICE": "no-service",
    "GSM": "gsm",
    "WCDMA": "wcdma",
    "TD-SCDMA": "wcdma",
    "LTE": "lte",
    "EUTRAN-5GC": "lte",
    "NR": "nr-sa",
    "NR-5GC": "nr-sa",
    "NR5G": "nr-sa",
    "5G": "nr-sa",
}
_CARDS = {0: "invalid", 1: "ready", 2: "invalid", 3: "invalid", 4: "invalid", 255: "absent"}
_CARD_TYPES = {0: "unknown", 1: "sim", 2: "usim", 3: "uim"}
_CONNECTED = "1"
_STATES = frozenset({"0", "1", "2", "3"})
"""Not connected, connected, about to, about not to be."""
_FAMILIES = {"IPV4": "ipv4", "IPV6": "ipv6"}


def service(asked: Asked) -> Reading:
    """AT^SYSINFO: status, domain, roaming, mode, card[, lock, submode]."""
    for value in asked.values("^SYSINFO"):
        fields = split(value)
        info = SystemInfo(
            srv_status=_number(fields, 0),
            srv_domain=_number(fields, 1),
            roaming=_number(fields, 2),
            sys_mode=_number(fields, 3),
            sim_state=_number(fields, 4),
            sys_submode=_number(fields, 6),
        )
        return _service(asked, info, _MODES.get(_or_none(info.sys_mode)))
    raise asked.unreadable()


def service_in_words(asked: Asked) -> Reading:
    """AT^SYSINFOEX: status, domain, roaming, card, lock, mode and submode with their names."""
    for value in asked.values("^SYSINFOEX"):
        fields = split(value)
        info = SystemInfo(
            srv_status=_number(fields, 0),
            srv_domain=_number(fields, 1),
            roaming=_number(fields, 2),
            sim_state=_number(fields, 3),
            sys_mode=_number(fields, 5),
            sys_submode=_number(fields, 7),
        )
        return _service(asked, info, _WORDS.get(at(fields, 6).upper()))
    raise asked.unreadable()


def mode(asked: Asked) -> Reading:
    """^MODE, sent unasked: mode and submode as in AT^SYSINFO."""
    for value in asked.values("^MODE"):
        fields = split(value)
        info = SystemInfo(sys_mode=_number(fields, 0), sys_submode=_number(fields, 1))
        return _service(asked, info, _MODES.get(_or_none(info.sys_mode)))
    raise asked.unreadable()


def service_status(asked: Asked) -> Reading:
    """^SRVST, sent unasked: the status of AT^SYSINFO."""
    for value in asked.values("^SRVST"):
        return _service(asked, SystemInfo(srv_status=_number(split(value), 0)), None)
    raise asked.unreadable()


def card(asked: Asked) -> Reading:
    """^SIMST, sent unasked or asked for: the card's state as in AT^SYSINFO."""
    for value in asked.values("^SIMST"):
        status = _number(split(value), 0)
        if status is not None:
            return Reading(sim=SimCard(simstatus=status, state=_CARDS.get(status)))
    raise asked.unreadable()


def card_type(asked: Asked) -> Reading:
    """AT^CARDMODE: which kind of card it is. unverified: words from a vendor manual."""
    for value in asked.values("^CARDMODE"):
        kind = _number(split(value), 0)
        if kind is not None:
            return Reading(sim=SimCard(simstatus=kind, state=_CARD_TYPES.get(kind)))
    raise asked.unreadable()


def data_call(asked: Asked) -> Reading:
    """AT^NDISSTATQRY? and ^NDISSTAT: each family in a row, both in one, or IPv4 alone unnamed.

    Rows may begin with the number of a context.
    """
    found: dict[str, bool] = {}
    for value in asked.values("^NDISSTATQRY", "^NDISSTAT"):
        fields = split(value)
        named = [index for index, text in enumerate(fields) if text.upper() in _FAMILIES]
        for index in named:
            # State, error and a number without a meaning stand before the name.
            state = at(fields, max(index - 3, 0))
            state = state if state in _STATES else fields[0]
            if state in _STATES:
                found[_FAMILIES[fields[index].upper()]] = state == _CONNECTED
        if not named and fields[0] in _STATES:
            found["ipv4"] = fields[0] == _CONNECTED
    if not found:
        raise asked.unreadable()
    return Reading(data_connected=Connected(**found))


def data_calls(asked: Asked) -> Reading:
    """AT^DCONNSTAT?: `context,APN,IPv4,IPv6,type` for each; the number alone where it is down.

    unverified: from TD Tech's manual, as others quote it.
    """
    up: dict[str, bool] = {}
    families = [False, False]
    for value in asked.values("^DCONNSTAT"):
        fields = split(value)
        cid = integer(fields[0], 0, 255)
        if cid is None:
            raise asked.unreadable()
        states = [at(fields, index) == _CONNECTED for index in (2, 3)]
        up[str(cid)] = any(states)
        families = [before or now for before, now in zip(families, states, strict=True)]
    if not up:
        raise asked.unreadable()
    return Reading(pdp_active=up, data_connected=Connected(ipv4=families[0], ipv6=families[1]))


def lease(asked: Asked) -> Reading:
    """AT^DHCP?: address, mask, gateway, server and two name servers, their bytes turned round.

    The mask tells: where it is one only as it stands, nothing is turned round.
    """
    for value in asked.values("^DHCP"):
        fields = split(value)
        turned = not _is_mask(_ipv4(at(fields, 1), turned=False)) or _is_mask(_ipv4(at(fields, 1)))
        address, mask, gateway, _, *servers = (
            _ipv4(at(fields, i), turned=turned) for i in range(6)
        )
        if address is None and mask is None and gateway is None:
            break
        found = Address(
            ipv4=address,
            netmask=mask,
            prefix=None if mask is None else _prefix(mask),
            gateway=gateway,
            dns=tuple(server for server in servers if server is not None) or None,
        )
        return Reading(addresses=(found,))
    raise asked.unreadable()


def lease_v6(asked: Asked) -> Reading:
    """AT^DHCPV6?: the same with colons, the mask as a mask or as the length of a prefix."""
    for value in asked.values("^DHCPV6"):
        fields = split(value)
        address, _, gateway, _, *servers = (_ipv6(at(fields, i)) for i in range(6))
        if address is None:
            break
        length = integer(at(fields, 1), 0, 128)
        found = Address(
            ipv6=address,
            prefix=_prefix_v6(at(fields, 1)) if length is None else length,
            gateway=gateway,
            dns=tuple(server for server in servers if server is not None) or None,
        )
        return Reading(addresses=(found,))
    raise asked.unreadable()


def _service(asked: Asked, info: SystemInfo, words: str | None) -> Reading:
    if info == SystemInfo():
        raise asked.unreadable()
    domain = _DOMAINS.get(_or_none(info.srv_domain))
    return Reading(
        sysinfo=info, domain=domain, mode="no-service" if info.srv_status == 0 else words
    )


def _number(fields: Sequence[str], index: int) -> int | None:
    return integer(at(fields, index), 0, 255)


def _or_none(value: int | None) -> int:
    return -1 if value is None else value


def _ipv4(text: str, *, turned: bool = True) -> str | None:
    """`A010A0A` is 10.10.1.10: the last byte first, and its zero left out; None for zero."""
    digits = text.lower().removeprefix("0x")
    if not digits or len(digits) > IPV4_HEX_DIGITS:
        return None
    try:
        packed = bytes.fromhex(digits.zfill(IPV4_HEX_DIGITS))
    except ValueError:
        return None
    if not any(packed):
        return None
    return str(ipaddress.IPv4Address(packed[::-1] if turned else packed))


def _is_mask(text: str | None) -> bool:
    """Whether it is ones, then zeros; Python also takes `0.255.255.255` for the mask of a host."""
    if text is None:
        return False
    inverse = int(ipaddress.IPv4Address(text)) ^ _IPV4_ONES
    return not inverse & (inverse + 1)


def _prefix(netmask: str) -> int | None:
    if not _is_mask(netmask):
        return None
    return int(ipaddress.IPv4Address(netmask)).bit_count()


def _ipv6(text: str) -> str | None:
    address = ip_address(text)
    return str(address) if isinstance(address, ipaddress.IPv6Address) else None


def _prefix_v6(netmask: str) -> int | None:
    address = ip_address(netmask)
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    bits = f"{int(address):0128b}".rstrip("0")
    return None if "0" in bits else len(bits)
