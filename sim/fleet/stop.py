"""The records a fleet's probe makes at one day's stops: capacity, video and data checks.

What a test finds scatters around what is true at the place and hour. Some tests the network
fails, some the probe spoils, some it skips, each in a share as it is in the field.
"""

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

import msgspec

from sim.fleet.month import ALLOWED_4G, ALLOWED_5G, Month, Network, Stop
from sim.fleet.vehicle import Vehicle, fix
from sim.world.radio import Survey
from sim.world.route import metres_per_degree
from sim.world.technology import ALL_TECHNOLOGIES, Technology
from wire.cells import Rat, RatClass, TestRadio
from wire.kinds import latency, radio, throughput, video
from wire.messages import AnyMeasurement, Outcome, Position, RatMode

CAPACITY_PROFILE = "tcp-6x10s-down"
VIDEO_PROFILE = "video-1080p"
LATENCY_PROFILE = "latency"

LATENCY_EVERY = 3
"""One stop in so many has a data check."""
FAST_VIDEO_MBIT_S = 5.0
"""Of target T5."""
SERVER = "main"

_SIGMA = 0.28
"""Of a test's rate around what is true there and then (lognormal)."""
_TURN_S = 240
"""What one modem takes for all its tests; then it is the next one's turn."""
_WINDOW_S = 10.0
_WARMUP_S = 2.0
_STREAMS = 6
_MEDIA_S = 20.0
_MEDIA_MBIT_S = 5.0
_MIXED_SHARE = 0.05
_SPOILT = (
    (0.008, Outcome.INVALID, "host: cpu saturated"),
    (0.004, Outcome.INVALID, "server: control failed"),
    (0.006, Outcome.SKIPPED, "busy"),
    (0.005, Outcome.SKIPPED, "budget"),
    (0.002, Outcome.MODEM_GONE, "modem gone"),
)
_WANDER_M = 12.0
_BAD_FIX_SHARE = 0.006
_CLASSES = {Rat.GSM: RatClass.G2, Rat.LTE: RatClass.G4}
_SNAPSHOTS = 12
_REQUESTS = 10
_DATA_BYTES = 100_000
_FRAMING = 1.045
"""Bytes on the interface for each byte of payload."""


class _Ended(NamedTuple):
    """How a test ended when it did not give a rate."""

    outcome: Outcome
    reason: str


def day_records(month: Month, vehicle: Vehicle, day: date) -> Iterator[AnyMeasurement]:
    """What the vehicle makes at its stops of one local day, not numbered and not in order."""
    stops = month.stops(vehicle.name, day)
    if not stops:
        return
    yield from vehicle.boot(stops[0].start - timedelta(minutes=30))
    for turn, operator in enumerate(month.world.operators):
        tester = _Tester(month, vehicle, operator.plmn, stops)
        for index in range(len(stops)):
            yield from tester.stop(index, turn)


class _Tester:
    """One modem during one day's stops."""

    def __init__(self, month: Month, vehicle: Vehicle, plmn: str, stops: Sequence[Stop]) -> None:
        self._month = month
        self._vehicle = vehicle
        self._plmn = plmn
        self._stops = stops
        self._dice = Random(  # noqa: S311  # a simulation, not a secret
            f"{month.seed}-{vehicle.name}-{plmn}-{stops[0].start.date()}"
        )
        self._free = self._survey(ALL_TECHNOLOGIES)
        self._on_4g = self._survey(ALLOWED_4G)
        self._on_5g = self._survey(ALLOWED_5G)
        technologies = month.world.operator(plmn).technologies
        self._interface = f"wwan-{plmn[3:]}"
        self._lock_5g = RatMode.G5_SA if Technology.NR_SA in technologies else RatMode.G5_NSA

    def stop(self, index: int, turn: int) -> Iterator[AnyMeasurement]:
        """All tests of this modem at one stop; `turn` modems went before it."""
        stop = self._stops[index]
        at = stop.start + timedelta(seconds=turn * _TURN_S)
        position = self._position(stop)
        heard = self._free.payload(index, neighbours=False)
        yield self._vehicle.record(
            "radio",
            at,
            payload=heard,
            outcome=Outcome.NO_SERVICE if heard.serving is None else Outcome.OK,
            reason="registration: searching" if heard.serving is None else None,
            position=position,
            plmn=self._plmn,
        )
        network = self._month.network(stop.commune, self._plmn)
        if index % LATENCY_EVERY == 0:
            yield self._latency(at + timedelta(seconds=10), position, heard)
        yield self._capacity(
            at + timedelta(seconds=30),
            position,
            self._on_4g.payload(index, neighbours=False),
            lock=RatMode.G4,
            rate_mbit_s=network.rate_4g_mbit_s * stop.factor,
            failed_share=network.failed_share,
        )
        if self._plmn in stop.place.plmns_5g:
            yield self._capacity(
                at + timedelta(seconds=80),
                position,
                self._on_5g.payload(index, neighbours=False),
                lock=self._lock_5g,
                rate_mbit_s=network.rate_5g_mbit_s * stop.factor,
                failed_share=network.failed_share,
            )
        yield self._video(at + timedelta(seconds=130), position, heard, network)

    def _survey(self, allowed: frozenset[Technology]) -> Survey:
        return self._month.radio.survey(
            self._plmn,
            [stop.place.lat_deg for stop in self._stops],
            [stop.place.lon_deg for stop in self._stops],
            [stop.start.timestamp() for stop in self._stops],
            allowed,
        )

    def _position(self, stop: Stop) -> Position:
        lat_m, lon_m = metres_per_degree(stop.place.lat_deg)
        bad = self._dice.random() < _BAD_FIX_SHARE
        return fix(
            stop.place.lat_deg + self._dice.uniform(-_WANDER_M, _WANDER_M) / lat_m,
            stop.place.lon_deg + self._dice.uniform(-_WANDER_M, _WANDER_M) / lon_m,
            error_m=self._dice.uniform(55, 120) if bad else self._dice.uniform(3, 9),
        )

    def _capacity(
        self,
        at: datetime,
        position: Position,
        heard: radio.Payload,
        *,
        lock: RatMode,
        rate_mbit_s: float,
        failed_share: float,
    ) -> AnyMeasurement:
        serving = self._serving(heard, mixed_share=0.0 if lock is RatMode.G4 else _MIXED_SHARE)
        ended = self._ended(heard, failed_share, "connect: timed out")
        payload = throughput.Payload(
            direction=throughput.Direction.DOWN,
            server=SERVER,
            streams=_STREAMS,
            warmup_s=_WARMUP_S,
            window_s=_WINDOW_S,
            interface=self._interface,
            radio=serving,
        )
        if ended is None:
            payload_bytes = round(self._scattered(rate_mbit_s) * 1e6 / 8 * _WINDOW_S)
            total_bytes = round(payload_bytes * (1 + 0.8 * _WARMUP_S / _WINDOW_S))
            payload = msgspec.structs.replace(
                payload,
                payload_bytes=payload_bytes,
                bits_per_second=payload_bytes * 8 / _WINDOW_S,
                retransmits=self._dice.randrange(40),
                total_payload_bytes=total_bytes,
                interface_rx_bytes=round(total_bytes * _FRAMING),
            )
        return self._record(payload, at, position, ended=ended, profile=CAPACITY_PROFILE, lock=lock)

    def _video(
        self, at: datetime, position: Position, heard: radio.Payload, network: Network
    ) -> AnyMeasurement:
        # Half of the poor sessions fail, the other half are too slow.
        ended = self._ended(heard, network.poor_video_share / 2, "segment: timed out")
        slow = self._dice.random() < network.poor_video_share / 2
        payload = video.Payload(
            height=1080,
            server=SERVER,
            media_s=_MEDIA_S,
            interface=self._interface,
            radio=self._serving(heard),
        )
        if ended is None:
            rate_mbit_s = (
                self._dice.uniform(1.0, 0.95 * FAST_VIDEO_MBIT_S)
                if slow
                else FAST_VIDEO_MBIT_S + self._scattered(network.rate_4g_mbit_s / 2)
            )
            media_bytes = round(_MEDIA_S * _MEDIA_MBIT_S * 1e6 / 8)
            stall_s = max(0.0, (_MEDIA_MBIT_S / rate_mbit_s - 1) * _MEDIA_S)
            payload = msgspec.structs.replace(
                payload,
                payload_bytes=media_bytes,
                outstanding_s=media_bytes * 8 / (rate_mbit_s * 1e6),
                bits_per_second=rate_mbit_s * 1e6,
                access_s=0.1 + 2 * _MEDIA_MBIT_S / rate_mbit_s,
                stalls=min(6, math.ceil(stall_s / 4)),
                stall_total_s=stall_s,
                stall_longest_s=min(stall_s, 4.0),
                played_s=_MEDIA_S,
                interface_rx_bytes=round(media_bytes * _FRAMING),
            )
        return self._record(payload, at, position, ended=ended, profile=VIDEO_PROFILE)

    def _latency(self, at: datetime, position: Position, heard: radio.Payload) -> AnyMeasurement:
        ended = self._ended(heard, 0.005, "connect: timed out")
        payload = latency.Payload(
            server=SERVER,
            method="http",
            sent=_REQUESTS,
            received=0,
            interface=self._interface,
            radio=self._serving(heard),
        )
        if ended is None:
            rtt_ms = tuple(
                round(self._dice.lognormvariate(3.6, 0.2), 2) for _ in range(_REQUESTS - 1)
            )
            steps = [abs(after - before) for before, after in itertools.pairwise(rtt_ms)]
            payload = msgspec.structs.replace(
                payload,
                received=_REQUESTS,
                first_rtt_ms=round(rtt_ms[0] + self._dice.uniform(20, 90), 2),
                rtt_ms=rtt_ms,
                median_ms=statistics.median(rtt_ms),
                jitter_ms=statistics.fmean(steps),
                data_bytes=_DATA_BYTES,
                data_s=round(self._dice.uniform(0.1, 0.5), 3),
                data_ok=True,
            )
        return self._record(payload, at, position, ended=ended, profile=LATENCY_PROFILE)

    def _record(
        self,
        payload: throughput.Payload | video.Payload | latency.Payload,
        at: datetime,
        position: Position,
        *,
        ended: _Ended | None,
        profile: str,
        lock: RatMode | None = None,
    ) -> AnyMeasurement:
        outcome, reason = (Outcome.OK, None) if ended is None else ended
        kind = type(payload).__module__.rpartition(".")[2]
        return self._vehicle.record(
            kind,
            at,
            payload=None if outcome in {Outcome.SKIPPED, Outcome.MODEM_GONE} else payload,
            outcome=outcome,
            reason=reason,
            position=position,
            plmn=self._plmn,
            lock=lock,
            plan=kind,
            profile=profile,
        )

    def _ended(self, heard: radio.Payload, failed_share: float, failure: str) -> _Ended | None:
        """What keeps the test from giving a rate: the probe, no service, the network; or None."""
        left = self._dice.random()
        for share, outcome, reason in _SPOILT:
            left -= share
            if left < 0:
                return _Ended(outcome, reason)
        if heard.serving is None:
            return _Ended(Outcome.NO_SERVICE, "registration: searching")
        return _Ended(Outcome.FAILED, failure) if self._dice.random() < failed_share else None

    def _serving(self, heard: radio.Payload, *, mixed_share: float = 0.0) -> TestRadio:
        """What served the modem during a test that began with this look at the radio."""
        serving = heard.serving
        if serving is None:
            return TestRadio(snapshots=_SNAPSHOTS, snapshots_without_service=_SNAPSHOTS)
        nr = serving.rat is Rat.NR or heard.nr is not None
        mixed = nr and self._dice.random() < mixed_share
        nr_share = 0.5 if mixed else float(nr)
        return TestRadio(
            rat_class=RatClass.MIXED if mixed else RatClass.G5 if nr else _CLASSES[serving.rat],
            snapshots=_SNAPSHOTS,
            nr_share=nr_share,
            plmn=heard.plmn,
            cell_id=serving.cell_id,
            pci=serving.pci,
            rsrp_dbm=serving.rsrp_dbm,
            sinr_db=serving.sinr_db,
        )

    def _scattered(self, rate_mbit_s: float) -> float:
        """A rate around the true one, which stays the mean."""
        return rate_mbit_s * self._dice.lognormvariate(-(_SIGMA**2) / 2, _SIGMA)
