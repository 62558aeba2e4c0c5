"""What one modem hears, once a second, also when it hears nothing."""

from enum import StrEnum

import msgspec

from wire.cells import Cell, Plmn

SCHEMA = 1


class RegistrationState(StrEnum):
    """Best state over the CS, PS, EPS and 5GS domains (3GPP TS 27.007, +CREG and relatives)."""

    HOME = "home"
    ROAMING = "roaming"
    SEARCHING = "searching"
    DENIED = "denied"
    EMERGENCY = "emergency"
    IDLE = "idle"
    """Not registered and not searching."""
    UNKNOWN = "unknown"


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that was not understood, kept as the modem sent it."""

    command: str
    text: str


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at the radio: the serving cell with its EN-DC leg, carriers and neighbours."""

    mode: str | None = None
    """`gsm`, `wcdma`, `lte`, `nr-nsa` (EN-DC with an NR leg) or `nr-sa`."""
    rrc_state: str | None = None
    """As the vendor words it, lower case: `noconn`, `connect`, `limsrv`, `search`."""
    registration: RegistrationState | None = None
    plmn: Plmn | None = None
    """Registered PLMN, e.g. `45204`."""
    serving: Cell | None = None
    nr: Cell | None = None
    """The NR leg of EN-DC; None without one, and None on stand-alone NR (see `serving`)."""
    carriers: tuple[Cell, ...] = ()
    """Secondary carriers of an aggregation."""
    neighbours: tuple[Cell, ...] = ()
    temperature_c: float | None = None
    unread: tuple[Unread, ...] = ()
