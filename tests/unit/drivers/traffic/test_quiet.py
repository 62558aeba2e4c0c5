import pytest

from drivers.traffic import NetPath
from drivers.traffic import quiet as module
from drivers.traffic.quiet import QUIET_BYTES, await_quiet


@pytest.fixture
def interface(tmp_path):
    """Its counters move by what is in `carries` with each look."""
    folder = tmp_path / "wwan0" / "statistics"
    folder.mkdir(parents=True)
    total = 0

    def put():
        (folder / "rx_bytes").write_text(str(total))
        (folder / "tx_bytes").write_text("0")

    def carry(carries):
        def pause(_):
            nonlocal total
            total += next(carries)
            put()

        return pause

    put()
    return NetPath(interface="wwan0", statistics=tmp_path), carry


def test_what_a_test_left_is_waited_for(interface):
    path, carry = interface
    left = iter([400_000, 400_000, QUIET_BYTES - 1])
    assert await_quiet(path, carry(left))
    assert next(left, None) is None


def test_other_traffic_does_not_keep_a_test_from_running(interface, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.0)
    path, carry = interface
    assert not await_quiet(path, carry(iter([400_000])))


def test_the_wait_ends_with_the_agent(interface):
    path, _ = interface
    assert not await_quiet(path, lambda _: True)


@pytest.mark.parametrize("path", [NetPath(), NetPath(interface="none such")])
def test_without_counters_there_is_nothing_to_wait_for(path):
    assert await_quiet(path, lambda _: pytest.fail("it waited"))
