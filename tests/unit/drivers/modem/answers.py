"""A modem of prepared answers, for families and dialogues without a port."""

from typing import NamedTuple

from drivers.modem.at import AtChannel, Reply
from drivers.modem.reading import Reading, Role
from wire.cells import Cell


class ByRole(NamedTuple):
    """The cells of a reading as in a record, sorted by what they are."""

    mode: str | None
    rrc_state: str | None
    serving: Cell | None
    nr: Cell | None
    others: tuple[Cell, ...]
    unread: tuple[str, ...]


def by_role(reading: Reading) -> ByRole:
    cells = reading.cells or ()
    single = {cell.role: cell.recorded() for cell in cells}
    apart = {Role.SERVING, Role.NR_SECONDARY}
    return ByRole(
        reading.mode,
        reading.rrc_state,
        single.get(Role.SERVING),
        single.get(Role.NR_SECONDARY),
        tuple(cell.recorded() for cell in cells if cell.role not in apart),
        reading.unread or (),
    )


class Answers:
    """Answers from a table of reply bytes; what is not in it is an ERROR. Time stands still."""

    def __init__(self, table: dict[str, str]) -> None:
        self.table = table
        self.asked: list[str] = []
        self.now_s = 0.0

    def send(self, command: str, timeout_s: float) -> Reply:
        del timeout_s
        self.asked.append(command)
        text = self.table.get(command)
        data = "\r\nERROR\r\n" if text is None else f"\r\n{text}\r\n\r\nOK\r\n"
        channel = AtChannel()
        channel.start(command)
        events = channel.feed(data.replace("\n", "\r\n").encode())
        return next(event for event in events if isinstance(event, Reply))

    def clock(self) -> float:
        return self.now_s
