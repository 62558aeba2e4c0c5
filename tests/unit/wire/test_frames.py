import pytest
import zstandard

from wire.frames import Frames

TEXTS = [b"one\n" * 500, b"", b"two\n" * 3]
PACKED = b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(text) for text in TEXTS)
LOOSE = zstandard.ZstdCompressor(write_checksum=False, write_content_size=False)


def pieces(packed, size):
    return iter([packed[first : first + size] for first in range(0, len(packed), size)])


@pytest.mark.parametrize("size", [1, 7, 256, 1 << 20])
def test_frames_are_the_same_however_they_come(size):
    frames = Frames(pieces(PACKED, size))
    assert b"".join(frames) == b"".join(TEXTS)
    assert frames.cut() is None
    assert frames.believed == frames.size == sum(map(len, TEXTS))


def test_of_a_frame_that_is_cut_nothing_is_believed_that_no_checksum_confirms():
    frames = Frames(pieces(PACKED[:-3], 64))
    assert b"".join(frames) == b"".join(TEXTS)
    assert frames.cut() == "ends in the middle of a zstd frame"
    assert frames.believed == len(TEXTS[0])


def test_of_a_frame_without_a_checksum_what_came_is_believed():
    noise = bytes(number * 37 % 251 for number in range(300_000))
    frames = Frames(pieces(LOOSE.compress(noise)[:-50], 64))
    came = b"".join(frames)
    assert frames.cut() is not None
    assert frames.believed == len(came)
    assert noise.startswith(came)
