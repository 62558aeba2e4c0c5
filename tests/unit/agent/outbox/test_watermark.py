from uuid import UUID

import pytest

from agent.outbox.watermark import EPOCHS_KEPT, Carried, Watermark

EPOCH = UUID(int=1)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "outbox.json"


def test_it_knows_after_a_restart_how_far_each_epoch_had_counted(file):
    mark = Watermark(file)
    mark.note(EPOCH, 5)
    mark.note(UUID(int=2), 1)
    mark.note(EPOCH, 7)
    again = Watermark(file)
    assert (again.of(EPOCH), again.of(UUID(int=2)), again.of(UUID(int=3))) == (7, 1, 0)


def test_it_keeps_some_epochs_only(file):
    mark = Watermark(file)
    for number in range(1, EPOCHS_KEPT + 2):
        mark.note(UUID(int=number), number)
    known = [Watermark(file).of(UUID(int=number)) for number in range(1, EPOCHS_KEPT + 2)]
    assert known == [0, *range(2, EPOCHS_KEPT + 2)]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"x": 1}', b"\xff", b'{"\xff": 1}'])
def test_what_cannot_be_read_says_nothing(file, content):
    file.write_bytes(content)
    assert Watermark(file).of(EPOCH) == 0


def test_without_a_file_it_knows_nothing():
    mark = Watermark(None)
    mark.note(EPOCH, 5)
    assert mark.of(EPOCH) == 0


def test_what_was_carried_away_never_becomes_less(tmp_path):
    outbox = tmp_path / "outbox.db"
    outbox.touch()
    Carried(outbox).note(EPOCH, 9)
    Carried(outbox).note(EPOCH, 4)
    assert Carried(outbox).of(EPOCH) == 9
