from collections.abc import Iterator

import pytest

from .far_ends import FarEnd, SimulatedModem, running_modem, standing_modem


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    far_end = FarEnd()
    yield far_end
    far_end.unplug()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Iterator[SimulatedModem]:
    """An RM520N on an operator with EN-DC; its faults are undone by whoever makes them."""
    folder = tmp_path_factory.mktemp("modem")
    with running_modem(folder / "tty", *standing_modem(folder, "vinaphone")) as modem:
        yield modem
