"""Which of the two internet protocols a test uses. No I/O."""

from enum import StrEnum


class IpFamily(StrEnum):
    """Which internet protocol a test may use."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    ANY = "any"
    """IPv6 where it works, else IPv4 (RFC 8305)."""
