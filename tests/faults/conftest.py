"""Workers on a bus of ptys: what the tests of the modems' faults share."""

import pytest

from agent.modem_worker import ModemWorker
from agent.places import Places
from agent.rat_setting import SavedSettings
from agent.rungs import RungLog
from tests.unit.agent.workers.conftest import clock, recorder, records, start, stop
from tests.unit.drivers.modem.bus import Bus
from wire.messages import Position

__all__ = ["clock", "recorder", "records", "start", "stop"]


@pytest.fixture
def bus(tmp_path):
    """A USB of ptys; its changes are hints for the workers of `work`."""
    bus = Bus(tmp_path)
    yield bus
    bus.unplug_all()


@pytest.fixture
def work(bus, clock, recorder, start, tmp_path):
    """Starts a worker for each of the places."""

    def begin(*configured):
        places = Places(configured, scan=bus.scan)
        workers = [
            ModemWorker(
                place=place,
                open_modem=places.open_modem,
                clock=clock,
                recorder=recorder,
                position_at=lambda _: Position(),
                saved=SavedSettings(tmp_path / "settings"),
                rungs=RungLog(tmp_path / "rungs", clock),
            )
            for place in configured
        ]

        def hint():
            for worker in workers:
                worker.look_again()

        bus.on_change = hint
        for worker in workers:
            start(worker.run, name=f"modem {worker.place.name}")
        return workers

    return begin
