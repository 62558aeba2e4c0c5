"""What can go wrong with a modem, by what to do about it.

```text
ModemError
|- TimedOutError          no answer in time: ask again, then open the port anew
|- GoneError              the device is not there any more: wait for it to come back
|  |- BusyPortError       another program holds the port or reads from it: find out which
|  '- StrangerError       another modem answers: look for the right one elsewhere
|- RefusedError           the modem said no: asking again changes nothing
|  |- UnsupportedLockError
|  |- UnsupportedHoldError
|  '- UnsupportedScanError
|- NotPermittedError      this machine does not let us: somebody has to give the right
'- UnreadableError        the modem said something we do not understand: keep the text
```
"""

from wire.cells import Rat
from wire.messages import RatMode


class ModemError(Exception):
    """Root of all errors of this package. `command` and `port` are empty where there was none."""

    def __init__(self, message: str, *, command: str = "", port: str = "") -> None:
        """Say what happened; at which command and on which port, where that is known."""
        super().__init__(" ".join(part for part in (port, command, message) if part))
        self.message = message
        self.command = command
        self.port = port


class TimedOutError(ModemError):
    """No final result in time, or the port took no bytes.

    Example scenarios: the firmware hangs; a scan takes longer than asked for; the wait was
    interrupted because the program ends; a confused port says anything but a result. `text` is
    what came instead, empty where nothing did.
    """

    def __init__(self, message: str, *, command: str = "", port: str = "", text: str = "") -> None:
        """Keep what came beside the message."""
        super().__init__(message, command=command, port=port)
        self.text = text


class GoneError(ModemError):
    """The port vanished or could not be opened.

    Example scenarios: the modem was unplugged, reset itself, or has not been enumerated yet.
    """


class BusyPortError(GoneError):
    """Another program holds the port or reads from it, e.g. ModemManager or a second agent."""


class StrangerError(GoneError):
    """Another modem answers than the one that was asked for.

    Example scenarios: a place is named by its IMEI and this is not the one; the module was changed
    while its port stayed open. `imei` is that of the stranger, None where it does not say.
    """

    def __init__(self, imei: str | None, *, port: str = "") -> None:
        """Name who answers instead."""
        super().__init__(f"another modem answers: {imei or 'without an IMEI'}", port=port)
        self.imei = imei


class RefusedError(ModemError):
    """The modem answered with an error.

    Example scenarios: the firmware does not know the command; the SIM is missing; the value is
    not allowed in the present state. `code` is the number of a +CME or +CMS error, if it was one.
    """

    def __init__(
        self, message: str, *, command: str = "", port: str = "", code: int | None = None
    ) -> None:
        """Keep the number beside the text."""
        super().__init__(message, command=command, port=port)
        self.code = code


class UnsupportedLockError(RefusedError):
    """The modem cannot be locked to the mode that was asked for."""

    def __init__(self, mode: RatMode, supported: frozenset[RatMode], *, port: str = "") -> None:
        """Name what the modem can be locked to instead."""
        choice = ", ".join(sorted(supported)) or "nothing"
        super().__init__(f"no lock to {mode}; this modem supports {choice}", port=port)
        self.mode = mode
        self.supported = supported


class UnsupportedHoldError(RefusedError):
    """The modem cannot be held on such bands or on such a cell."""

    def __init__(self, asked: str, supported: tuple[str, ...], *, port: str = "") -> None:
        """Name what it can be held on instead."""
        choice = ", ".join(supported) or "nothing"
        super().__init__(f"no lock to {asked}; this modem can be held on {choice}", port=port)
        self.supported = supported


class UnsupportedScanError(RefusedError):
    """The modem has no radio for the technology that was asked for."""

    def __init__(self, rat: Rat, supported: frozenset[RatMode], *, port: str = "") -> None:
        """Name what the modem can be set to instead."""
        choice = ", ".join(sorted(supported))
        super().__init__(f"no scan for {rat}: this modem knows {choice} only", port=port)
        self.rat = rat
        self.supported = supported


class NotPermittedError(ModemError):
    """The machine's rules, not the modem's, stand in the way; the text names the file."""


class UnreadableError(ModemError):
    """A reply that the family does not understand; `text` is the reply as it came."""

    def __init__(self, text: str, *, command: str = "", port: str = "") -> None:
        """Keep the whole text; the message shows its beginning."""
        super().__init__(f"unreadable: {text[:80]!r}", command=command, port=port)
        self.text = text
