"""What is written beside a test's number so that it can be believed: the computer, the far end."""

import msgspec


class HostLoad(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The probe's computer during one test, looked at once a second (Linux proc(5), vcgencmd).

    A share is of one core's time in one second. None where the computer does not say.
    """

    samples: int = 0
    busiest_core_share: float | None = None
    """Mean over the seconds of the core that was busiest in each: one that is full caps a test."""
    softirq_share: float | None = None
    """The same of the time in soft interrupts, where the kernel handles packets."""
    core_shares: tuple[float, ...] = ()
    """Mean of each core over the whole test."""
    memory_available_bytes: int | None = None
    """The least."""
    temperature_c: float | None = None
    """The highest."""
    throttled: int | None = None
    """Raspberry Pi `get_throttled`, all looks or-ed; bits 0 to 3 are of the test itself."""
    usb_mbit_s: int | None = None
    """Link speed of the USB device behind the modem's interface: 12, 480, 5000, ..."""
    limited_by: str | None = None
    """What of this makes the test the computer's and not the network's; then it is `invalid`."""


class ServerCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the measurement server says of itself at the start of a test."""

    name: str | None = None
    """As the probe's configuration calls it."""
    slot: str | None = None
    """The lease under which the test ran; None from a server without slots."""
    waited_s: float | None = None
    """For the slot."""
    control_bits_per_second: float | None = None
    """Of the last control test from a wired host, in this test's direction: what the server could
    deliver."""
    control_age_s: float | None = None
    """Age of that test when this one began."""
    clock_error_s: float | None = None
    """Its clock less ours, where ours was known (RFC 9110, 6.6.1: the Date of its answer)."""
    tried: tuple[str, ...] = ()
    """Other servers that were asked, and what became of it: `main: server: busy`."""
