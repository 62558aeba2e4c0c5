"""The technology lock of 3GPP TS 27.007 5.9, for families that use it. No I/O."""

import re
from collections.abc import Mapping

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.family import Family, Lever
from drivers.modem.standard import Identification
from wire.messages import RatMode

_WS46 = Lever("ws46", "AT+WS46?", "AT+WS46={}", re.compile(r"^(?:\+WS46:)?\s*(\d+)\s*$"))
_ONE_TECHNOLOGY = {
    RatMode.G2: 12,
    RatMode.G3: 22,
    RatMode.G4: 28,
    RatMode.G5_SA: 36,
    RatMode.G5: 37,
}
_WIDEST_FIRST = (38, 25, 31, 29, 30)
"""Values that leave the choice to the modem."""


class Ws46Family(Family):
    """A family that is locked by AT+WS46."""

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._locks: dict[RatMode, dict[str, str]] | None = None

    def levers(self) -> tuple[Lever, ...]:
        """AT+WS46, where the modem says which values it takes."""
        return (_WS46,) if self.locks() else ()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the values AT+WS46=? lists; asked once."""
        if self._locks is None:
            reply = self.dialogue.ask("AT+WS46=?")
            listed = standard.listed(reply.lines, "+WS46") if reply.ok else frozenset()
            chosen = {mode: value for mode, value in _ONE_TECHNOLOGY.items() if value in listed}
            widest = next((value for value in _WIDEST_FIRST if value in listed), None)
            if widest is not None:
                chosen[RatMode.AUTO] = widest
            self._locks = {mode: {_WS46.name: str(value)} for mode, value in chosen.items()}
        return self._locks
