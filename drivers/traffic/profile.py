"""Test profiles: TOML files, one a profile, named by their file (`config/profiles`)."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from drivers.traffic.device import IpFamily
from wire.cells import Rat

MIN_OUTSTANDING_S = 5.0
"""A video session's segments must keep a link at the target rate busy for at least this long."""
CLOSING_S = 8.0
"""What a capacity test may take on top of connecting, warm-up and window: exchange of results."""

Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]


class Direction(StrEnum):
    """Seen from the probe."""

    DOWN = "down"
    UP = "up"


class Method(StrEnum):
    """The tool of a capacity test."""

    IPERF3 = "iperf3"
    HTTP = "http"


class LatencyMethod(StrEnum):
    """What one round trip is."""

    HTTP = "http"
    TCP = "tcp"
    ICMP = "icmp"


class ThroughputProfile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="throughput",
):
    """A fixed-duration capacity test: payload of all streams in the window after the warm-up."""

    name: str = ""
    method: Method = Method.IPERF3
    direction: Direction = Direction.DOWN
    streams: Annotated[int, msgspec.Meta(ge=1, le=64)]
    warmup_s: Annotated[int, msgspec.Meta(ge=0, le=30)]
    window_s: Annotated[int, msgspec.Meta(ge=1, le=60)]
    connect_timeout_s: Seconds = 10.0
    resource: str = "/bytes/1073741824"
    """What an HTTP test downloads on each stream, again and again."""

    def __post_init__(self) -> None:
        """Refuse what no tool here can do."""
        if self.method is Method.HTTP and self.direction is Direction.UP:
            raise ValueError("`direction` up needs `method` iperf3")

    @property
    def deadline_s(self) -> float:
        """After this long the test is given up, whatever it waits for."""
        return self.connect_timeout_s + self.warmup_s + self.window_s + CLOSING_S


class VideoProfile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="video",
):
    """A session of equal segments of one height, played from a simulated buffer."""

    name: str = ""
    height: Annotated[int, msgspec.Meta(ge=144, le=4320)]
    media_bits_per_second: Annotated[int, msgspec.Meta(ge=100_000, le=200_000_000)]
    """Bit rate of the media: what it takes to play without a stall."""
    target_bits_per_second: Annotated[int, msgspec.Meta(ge=100_000, le=200_000_000)]
    """Download rate the session is to prove (T5: 5 Mbit/s, T6: 25 Mbit/s)."""
    segment_s: Annotated[float, msgspec.Meta(ge=0.5, le=30)]
    segments: Annotated[int, msgspec.Meta(ge=1, le=200)]
    start_threshold_s: Annotated[float, msgspec.Meta(ge=0.5, le=30)] = 2.0
    """Media in the buffer at which playing starts, and starts again after a stall."""
    buffer_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = 30.0
    """The player stops requesting while this much media lies ahead of the viewer."""
    slow_access_s: Seconds = 10.0
    """A session that starts later than this is `slow`."""
    access_timeout_s: Seconds = 30.0
    stall_timeout_s: Seconds = 15.0
    """A request without a byte for this long is given up."""

    def __post_init__(self) -> None:
        """Refuse sessions too small to prove their target."""
        outstanding_s = 8 * self.segment_bytes * self.segments / self.target_bits_per_second
        if outstanding_s < MIN_OUTSTANDING_S:
            raise ValueError(
                f"`segments`: {self.segments} of {self.segment_bytes} bytes keep a link at"
                f" `target_bits_per_second` busy for {outstanding_s:.1f} s;"
                f" it must be {MIN_OUTSTANDING_S:.0f} s"
            )
        if self.buffer_s < self.start_threshold_s + self.segment_s:
            raise ValueError("`buffer_s` is less than `start_threshold_s` plus one segment")

    @property
    def segment_bytes(self) -> int:
        """Exact size of each segment."""
        return round(self.media_bits_per_second * self.segment_s / 8)

    @property
    def media_s(self) -> float:
        """Planned play time."""
        return self.segment_s * self.segments

    @property
    def deadline_s(self) -> float:
        """A session is cut after three times its play time: nobody watches that."""
        return self.access_timeout_s + 3 * self.media_s


class LatencyProfile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="latency",
):
    """A first round trip that wakes the radio, `count` more, then one small download."""

    name: str = ""
    method: LatencyMethod = LatencyMethod.HTTP
    count: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    timeout_s: Seconds = 3.0
    """A round trip that takes longer is lost."""
    interval_s: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.1
    data_bytes: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 100_000
    """0 leaves the data check out."""
    data_timeout_s: Seconds = 10.0
    address_family: IpFamily = IpFamily.ANY
    """`any` leaves it to the modem's own setting."""

    @property
    def deadline_s(self) -> float:
        """The name, every round trip lost, and the data check."""
        round_trips_s = (self.count + 1) * (self.timeout_s + self.interval_s)
        return self.timeout_s + round_trips_s + self.data_timeout_s * (self.data_bytes > 0)


class ScanProfile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="scan",
):
    """A scan by the modem itself; it costs no data."""

    name: str = ""
    rats: tuple[Rat, ...] = ()
    """Technologies whose cells are wanted; none means all."""


Profile = ThroughputProfile | VideoProfile | LatencyProfile | ScanProfile


class ProfileError(ValueError):
    """A profile cannot be used: `file` and `problem` (with the key's place) say what to mend."""

    def __init__(self, file: Path, problem: str) -> None:
        """Keep both fields."""
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.problem = problem


def load_profile(file: Path) -> Profile:
    """The profile in one file, named by the file; raises `ProfileError`."""
    try:
        profile: Profile = msgspec.toml.decode(file.read_bytes(), type=Profile)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProfileError(file, str(error)) from error
    if profile.name:
        raise ProfileError(file, "`name`: the file's name is the profile's name - at `$.name`")
    return msgspec.structs.replace(profile, name=file.stem)


def load_profiles(folder: Path) -> dict[str, Profile]:
    """Every `*.toml` of a folder by name; raises `ProfileError` for the first bad one."""
    return {file.stem: load_profile(file) for file in sorted(folder.glob("*.toml"))}
