import os

import pytest

from agent.outbox.reserve import Reserve

SIZE_BYTES = 1 << 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "reserve"


def test_it_takes_its_room_until_it_is_given_up(path):
    reserve = Reserve(path, SIZE_BYTES)
    assert not reserve.there
    assert reserve.make()
    assert reserve.there
    assert path.stat().st_blocks * 512 >= SIZE_BYTES
    sizes = []
    while reserve.give_up():
        sizes.append(path.stat().st_blocks * 512 if path.exists() else 0)
    assert sizes == [SIZE_BYTES * 3 // 4, SIZE_BYTES // 2, SIZE_BYTES // 4, 0]
    assert not path.exists()


def test_what_is_left_of_one_is_made_whole(path):
    reserve = Reserve(path, SIZE_BYTES)
    reserve.make()
    reserve.give_up()
    assert not reserve.there
    assert reserve.make()
    assert reserve.there


def test_half_of_one_is_made_whole(path):
    path.write_bytes(b"x" * 1000)
    assert Reserve(path, SIZE_BYTES).make()
    assert path.stat().st_size == SIZE_BYTES


def test_it_is_not_made_of_the_last_room(path):
    disk = os.statvfs(path.parent)
    assert not Reserve(path, disk.f_bavail * disk.f_frsize // 2).make()
    assert not path.exists()


def test_a_folder_that_is_not_there_is_no_room(path):
    assert not Reserve(path.parent / "nowhere" / "reserve", SIZE_BYTES).make()
