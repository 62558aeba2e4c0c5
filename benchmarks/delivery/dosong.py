"""dosong itself: outbox and publisher on the probe, the collector behind the broker."""

import sys
from collections import Counter
from pathlib import Path

from benchmarks.delivery.contestant import Contestant, Program, Uplink
from collector.store.engine import connect
from collector.store.ledger import Ledger, LedgerError
from sim.demo.toml import toml
from sim.parts import Part, ReservedPort, accepts, find_command

START_TIMEOUT_S = 30.0
PROBE_SIDE = Path(__file__).with_name("dosong_probe.py")


class Dosong(Contestant):
    """See the module."""

    name = "dosong"
    accepts = "committed to the outbox"

    def open(self) -> None:
        """See `Contestant`."""
        self._web_port = ReservedPort()
        configuration = self.folder / "collector.toml"
        configuration.write_text(
            toml(
                {},
                {
                    "mqtt": {"port": self.broker_port},
                    "store": {"folder": self.folder / "store"},
                    "web": {"port": self._web_port.number},
                },
            )
        )
        self._collector = Part(
            "collector",
            [find_command("dosong-collector"), "run", "--config", str(configuration)],
            log=self.folder / "collector.log",
        )
        self._collector.start()
        self._collector.wait_until(
            lambda: accepts(self._web_port.number), "the collector's page", START_TIMEOUT_S
        )
        self._ledger = Ledger(self.folder / "store" / "collector.db", read_only=True)

    def program(self, disk: Path, uplink: Uplink, first: int) -> Program:
        """See `Contestant`."""
        words = (str(PROBE_SIDE), str(disk), uplink.host, str(uplink.port), str(first))
        return Program((sys.executable, *words), {"PYTHONPATH": str(PROBE_SIDE.parents[2])})

    def stored(self) -> int:
        """See `Contestant`."""
        try:
            return sum(row.received for row in self._ledger.ledger())
        except LedgerError:
            return 0

    def database(self) -> Counter[int]:
        """See `Contestant`."""
        with connect("duckdb://", self.folder / "store" / "lake") as tables:
            column = tables.radio.temperature_c.to_pyarrow().to_pylist()
        return Counter(int(value) for value in column)

    def close(self) -> None:
        """See `Contestant`."""
        self._ledger.close()
        self._collector.stop(60.0)
        self._web_port.close()
