"""Test profiles: TOML files, one a profile, named by their file (`config/profiles`)."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from drivers.traffic.ip_family import IpFamily
from wire.cells import Rat
from wire.kinds.throughput import Direction

MIN_OUTSTANDING_S = 5.0
"""A video session's segments must keep a link at the target rate busy for at least this long."""
CLOSING_S = 8.0
"""What a capacity test may take on top of connecting, warm-up and window: exchange of results."""

Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]
Rate = Annotated[float, msgspec.Meta(ge=1_000, le=100_000_000_000)]


class Method(StrEnum):
    """The tool of a capacity test."""

    IPERF3 = "iperf3"
    HTTP = "http"


class LatencyMethod(StrEnum):
    """What one round trip is."""

    HTTP = "http"
    TCP = "tcp"
    ICMP = "icmp"


class Protocol(StrEnum):
    """What carries a capacity test's payload."""

    TCP = "tcp"
    UDP = "udp"


class EarlyStop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a capacity test may end before its window does; without a key: never."""

    at_least_bits_per_second: Rate | None = None
    """Stop as soon as the whole window is certain to reach this mean, or (see below) not to."""
    max_bits_per_second: Rate | None = None
    """What the link can carry at most: makes "not reached" certain before the window ends."""
    stable_share: Annotated[float, msgspec.Meta(gt=0, le=0.5)] | None = None
    """Stop when the mean's 95 % limits lie within this share of it."""
    min_window_s: Seconds = 4.0
    """`stable_share` is not looked at before."""
    max_bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Payload a test may move at most, warm-up included."""

    def __post_init__(self) -> None:
        """Refuse a bound that bounds nothing."""
        if self.max_bits_per_second is not None and self.at_least_bits_per_second is None:
            raise ValueError("`max_bits_per_second` needs `at_least_bits_per_second`")


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
    protocol: Protocol = Protocol.TCP
    streams: Annotated[int, msgspec.Meta(ge=1, le=64)]
    warmup_s: Annotated[float, msgspec.Meta(ge=0, le=30)]
    """Whole seconds for iperf3, which knows no others."""
    window_s: Annotated[float, msgspec.Meta(ge=1, le=60)]
    interval_s: Annotated[float, msgspec.Meta(ge=0.5, le=10)] = 1.0
    connect_timeout_s: Seconds = 10.0
    slot_wait_s: Annotated[float, msgspec.Meta(ge=0, le=120)] = 10.0
    """For asking the server how it is and waiting for a slot; 0 leaves both out."""
    target_bits_per_second: Rate | None = None
    """A server whose last control test was below twice this rate makes the test invalid."""
    udp_bits_per_second: Rate | None = None
    """UDP payload sent by all streams together."""
    udp_payload_bytes: Annotated[int, msgspec.Meta(ge=256, le=8192)] = 1200
    """Of a datagram; the default fits every mobile network's packets."""
    resource: str = "/bytes/1073741824"
    """What an HTTP test downloads on each stream, again and again."""
    range_bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Ask for ranges of this size, each stream for its own; unset: for the whole resource."""
    upload_resource: str = "/sink"
    """Where an HTTP test sends bodies to, again and again."""
    upload_bytes: Annotated[int, msgspec.Meta(ge=1 << 16, le=1 << 30)] = 25_000_000
    """Of one body."""
    stagger_s: Annotated[float, msgspec.Meta(ge=0, le=5)] = 0.0
    """Between the starts of an HTTP test's streams."""
    address_family: IpFamily = IpFamily.ANY
    """`any` leaves it to the modem's own setting."""
    early_stop: EarlyStop = EarlyStop()

    def __post_init__(self) -> None:
        """Refuse what no tool here can do."""
        if self.method is Method.IPERF3:
            for key in ("warmup_s", "window_s"):
                if getattr(self, key) % 1:
                    raise ValueError(f"`{key}` must be whole seconds for `method` iperf3")
            if self.stagger_s:
                raise ValueError("`stagger_s` needs `method` http")
        udp = self.protocol is Protocol.UDP
        if udp and self.method is Method.HTTP:
            raise ValueError("`protocol` udp needs `method` iperf3")
        if udp != (self.udp_bits_per_second is not None):
            raise ValueError("`udp_bits_per_second` and `protocol` udp belong together")
        stop = self.early_stop
        if udp and (stop.at_least_bits_per_second or stop.stable_share):
            raise ValueError(
                "`early_stop`: only `max_bytes` with `protocol` udp: its rate is given"
            )

    @property
    def test_s(self) -> float:
        """What the test itself may take once the server has been asked."""
        return self.connect_timeout_s + self.warmup_s + self.window_s + CLOSING_S

    @property
    def planned_s(self) -> float:
        """How long it takes when all goes well."""
        return float(self.warmup_s + self.window_s)

    @property
    def deadline_s(self) -> float:
        """After this long the test is given up, whatever it waits for."""
        return self.slot_wait_s + self.test_s


class Adaptation(StrEnum):
    """How a player chooses the next segment's representation."""

    FIXED = "fixed"
    THROUGHPUT = "throughput"
    BUFFER = "buffer"


class Paced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The question "at least the target rate or not" with one body and a known most cost."""

    window_s: Annotated[float, msgspec.Meta(ge=MIN_OUTSTANDING_S, le=60)] = MIN_OUTSTANDING_S
    """The body is what the target rate carries in this time, counted from the attempt's start."""
    pace: Annotated[float, msgspec.Meta(ge=1.2, le=4)] = 1.5
    """Read no faster than this times the target."""


class VideoProfile(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="video",
):
    """A session played from a simulated buffer: equal synthetic segments, or a manifest's.

    With `paced` nothing is played: one body says whether the link reaches the target.
    """

    name: str = ""
    height: Annotated[int, msgspec.Meta(ge=144, le=4320)]
    target_bits_per_second: Annotated[int, msgspec.Meta(ge=100_000, le=200_000_000)]
    """Download rate the session is to prove (T5: 5 Mbit/s, T6: 25 Mbit/s)."""
    media_bits_per_second: Annotated[int, msgspec.Meta(ge=100_000, le=200_000_000)] | None = None
    """Bit rate of the media: what it takes to play without a stall. Of a manifest's, that of the
    best representation that may be chosen: a session that downloads twice as much is stopped."""
    segment_s: Annotated[float, msgspec.Meta(ge=0.5, le=30)] | None = None
    segments: Annotated[int, msgspec.Meta(ge=1, le=200)] | None = None
    manifest: Annotated[str, msgspec.Meta(pattern="^/", max_length=512)] | None = None
    """Path of a DASH (`.mpd`) or HLS (`.m3u8`) manifest on the server; None: synthetic segments."""
    play_s: Annotated[float, msgspec.Meta(ge=1, le=600)] | None = None
    """How much of a manifest's media to play."""
    adaptation: Adaptation = Adaptation.FIXED
    max_height: Annotated[int, msgspec.Meta(ge=144, le=4320)] | None = None
    """Of a session that adapts, no higher than this; default `height`."""
    paced: Paced | None = None
    start_threshold_s: Annotated[float, msgspec.Meta(ge=0.5, le=30)] = 2.0
    """Media in the buffer at which playing starts, and starts again after a stall."""
    buffer_s: Annotated[float, msgspec.Meta(ge=1, le=600)] = 30.0
    """The player stops requesting while this much media lies ahead of the viewer."""
    slow_access_s: Seconds = 10.0
    """A session that starts later than this is `slow`."""
    access_timeout_s: Seconds = 30.0
    stall_timeout_s: Seconds = 15.0
    """A request without a byte for this long is given up."""
    slot_wait_s: Annotated[float, msgspec.Meta(ge=0, le=120)] = 10.0
    """For asking the server how it is and waiting for a slot; 0 leaves both out."""
    address_family: IpFamily = IpFamily.ANY
    """`any` leaves it to the modem's own setting."""

    def __post_init__(self) -> None:
        """Refuse what makes no session, and sessions too small to prove their target."""
        needed, refused = self._keys()
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"`{key}` is missing")
        for key in refused:
            if getattr(self, key) is not None:
                raise ValueError(f"`{key}` has no meaning here")
        if self.manifest is None and self.adaptation is not Adaptation.FIXED:
            raise ValueError("`adaptation` other than fixed needs `manifest`")
        if self.manifest is not None and self.is_dash is None:
            raise ValueError("`manifest` ends neither in .mpd nor in .m3u8")
        if self.max_height is not None and self.max_height < self.height:
            raise ValueError("`max_height` is less than `height`")
        outstanding_s = 8 * self.planned_bytes / self.target_bits_per_second
        if outstanding_s < MIN_OUTSTANDING_S:
            what = (
                f"`play_s`: {self.media_s:g} s"
                if self.manifest is not None
                else f"`segments`: {self.segments} of {self.segment_bytes} bytes"
            )
            raise ValueError(
                f"{what} keep a link at `target_bits_per_second` busy for {outstanding_s:.1f} s;"
                f" it must be {MIN_OUTSTANDING_S:.0f} s"
            )
        if self.paced is None and self.buffer_s < self.start_threshold_s + (self.segment_s or 0):
            raise ValueError("`buffer_s` is less than `start_threshold_s` plus one segment")

    def _keys(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Keys that must, and that must not be there."""
        synthetic, streamed = ("segment_s", "segments"), ("manifest", "play_s", "max_height")
        if self.paced is not None:
            return (), ("media_bits_per_second", *synthetic, *streamed)
        if self.manifest is not None:
            return ("media_bits_per_second", "play_s"), synthetic
        return ("media_bits_per_second", *synthetic), streamed

    @property
    def is_dash(self) -> bool | None:
        """Whether the manifest is DASH; False for HLS, None if its name does not say."""
        path = (self.manifest or "").partition("?")[0]
        return {"mpd": True, "m3u8": False}.get(path.rpartition(".")[2])

    @property
    def segment_bytes(self) -> int:
        """Exact size of each synthetic segment; 0 where there are none."""
        return round((self.media_bits_per_second or 0) * (self.segment_s or 0) / 8)

    @property
    def media_s(self) -> float:
        """Planned play time; a paced session's window."""
        if self.paced is not None:
            return self.paced.window_s
        return self.play_s or (self.segment_s or 0) * (self.segments or 0)

    @property
    def planned_bytes(self) -> int:
        """Media of a session that is not cut short; of a manifest's about so much."""
        if self.paced is not None:
            return math.ceil(self.target_bits_per_second * self.paced.window_s / 8)
        if self.manifest is not None:
            return round((self.media_bits_per_second or 0) * self.media_s / 8)
        return self.segment_bytes * (self.segments or 0)

    @property
    def most_bytes(self) -> int:
        """A session that downloads more than this is stopped: the server sends what it likes."""
        return self.planned_bytes * (1 if self.manifest is None else 2)

    @property
    def planned_s(self) -> float:
        """How long it takes at the target rate."""
        return 8 * self.planned_bytes / self.target_bits_per_second

    @property
    def session_s(self) -> float:
        """A session is cut after three times its play time: nobody watches that."""
        if self.paced is not None:
            return self.paced.window_s
        return self.access_timeout_s + 3 * self.media_s

    @property
    def deadline_s(self) -> float:
        """After this long the attempt is given up, whatever it waits for."""
        return self.slot_wait_s + self.session_s


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

    @property
    def planned_s(self) -> float:
        """How long it takes on a network that answers within a tenth of a second."""
        return (self.count + 1) * (self.interval_s + 0.1) + 1.0


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


TrafficProfile = ThroughputProfile | VideoProfile | LatencyProfile
Profile = TrafficProfile | ScanProfile


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
