"""What a modem's thread does for other threads, without either knowing how."""

from typing import Protocol

from agent.runtime import Stop
from agent.snapshots import Snapshot
from wire.cells import Rat
from wire.kinds import scan
from wire.messages import RatMode


class OrderError(Exception):
    """An order to a modem was not carried out; the text says why."""


class UnableError(OrderError):
    """An order that this modem can never carry out."""


class Radio(Protocol):
    """One modem as a test sees it. `agent.modem_worker.ModemWorker` is one."""

    def snapshots(self, since_ns: int) -> tuple[Snapshot, ...]:
        """The looks at the radio since then, and the one before if it was still fresh."""

    def next_snapshot(self, after_ns: int, timeout_s: float) -> Snapshot | None:
        """The newest look later than `after_ns`, as soon as there is one; None in vain."""

    def request_lock(self, mode: RatMode | None, *, stop: Stop, timeout_s: float) -> None:
        """Hold the modem on `mode`, or as configured for None; raises `OrderError`."""

    def request_scan(
        self, rats: frozenset[Rat] = frozenset(), *, stop: Stop, timeout_s: float
    ) -> scan.Payload:
        """Scan for cells of any network, of these technologies or of all; raises `OrderError`."""

    def request_name_servers(self, *, stop: Stop, timeout_s: float) -> tuple[str, ...]:
        """DNS servers the network gave the modem, if it says; raises `OrderError`."""
