"""One modem at one stop: it looks at the radio, checks for data, tests capacity and video."""

from collections.abc import Iterator

import numpy as np

from sim.province.checks import data_check
from sim.province.counts import Counts, Test
from sim.province.looks import fix, heard
from sim.province.networks import BLOCK_SIGMA, FAILED_OF_POOR, TEST_SIGMA, Quality
from sim.province.operators import OPERATORS, Operator
from sim.province.probe import Row, kept
from sim.province.scenario import Month
from sim.province.schedule import Stop
from sim.province.sessions import SESSIONS, Session, poorness
from sim.province.sessions import payload as session_payload
from sim.province.spoilt import Shown, Spoilt, spoil, ways, which
from wire.cells import RatClass, TestRadio
from wire.kinds import throughput
from wire.messages import Outcome, RatMode

CAPACITY_PROFILE = "tcp-6x10s-down"
OTHER_CAPACITY_PROFILE = "tcp-4x3s-down"
TURN_MS = 240_000
"""What one modem takes for all its tests; then it is the next one's turn."""
REPEATED_SHARE = 0.1
"""Of capacity tests are made twice in their place and hour."""
SNAPSHOTS = 12
_LATENCY_EVERY = 3
_NR_LOOKS = 12
_WINDOW_S = 10.0
_BITS_A_BYTE = 8
_ENDED = (
    (Outcome.FAILED, "connect: timed out"),
    (Outcome.NO_SERVICE, "registration: searching"),
    (Outcome.FAILED, "transfer: cut off"),
)


class Visit:
    """One modem at one stop."""

    def __init__(
        self,
        stop: Stop,
        operator: int,
        *,
        quality: Quality,
        month: Month,
        factor: float,
        dice: np.random.Generator,
    ) -> None:
        """`factor` is how rates compare with the commune's at this place and hour."""
        self._stop = stop
        self._operator = operator
        self._network: Operator = OPERATORS[operator]
        self._quality = quality
        self._month = month
        self._factor = factor
        self._dice = dice
        self._at_ms = stop.at_ms + operator * TURN_MS
        self._position = fix(stop, dice)
        self._nr = quality.mean_5g_mbit_s is not None
        self._block = float(dice.lognormal(-(BLOCK_SIGMA**2) / 2, BLOCK_SIGMA))

    def rows(self, centre: bool, counts: Counts) -> Iterator[Row]:  # noqa: FBT001
        """All that this modem does here."""
        yield from self._looks()
        if self._stop.hour_index % _LATENCY_EVERY == 0:
            yield self._latency(self._at_ms + 12_000)
        yield from self._capacity(
            counts, Test.MEAN_4G, self._quality.mean_4g_mbit_s, RatMode.G4, 30_000
        )
        if self._quality.mean_5g_mbit_s is not None and self._network.nr is not None:
            yield from self._capacity(
                counts, Test.MEAN_5G, self._quality.mean_5g_mbit_s, self._network.nr, 60_000
            )
        yield self._video(counts, SESSIONS[0], self._quality.poor_1080_share, 130_000)
        if centre:
            yield self._video(counts, SESSIONS[1], self._quality.poor_2160_share, 165_000)

    def _looks(self) -> Iterator[Row]:
        """A look at the radio; where 5G is to be proven one a second, before the data check."""
        proven = self._nr and self._stop.hour_index % _LATENCY_EVERY == 0
        for look in range(_NR_LOOKS if proven else 1):
            rsrp_dbm = round(float(self._dice.normal(-93, 5)), 1)
            nr_dbm = round(float(self._dice.normal(-95, 4)), 1)
            payload = heard(self._network, self._cell_id, rsrp_dbm, nr_dbm if self._nr else None)
            yield Row(
                self._at_ms + look * 1000,
                "radio",
                payload,
                position=self._position,
                operator=self._operator,
            )

    def _latency(self, at_ms: int) -> Row:
        return data_check(
            at_ms, self._operator, self._position, self._radio(auto=True), self._dice, ok=True
        )

    def _capacity(
        self, counts: Counts, test: Test, mean_mbit_s: float, mode: RatMode, after_ms: int
    ) -> Iterator[Row]:
        count = counts.of(test, self._stop.commune, self._operator, self._month)
        finished = 0
        repeats = 2 if self._dice.random() < REPEATED_SHARE else 1
        for repeat in range(repeats):
            noise = float(self._dice.lognormal(-(TEST_SIGMA**2) / 2, TEST_SIGMA))
            rate_mbit_s = mean_mbit_s * self._factor * self._block * noise
            nr = mode is not RatMode.G4
            drawn = self._dice.random(3).tolist()
            way = which(ways(self._stop.commune, locked=True, nr=nr), drawn[0])
            good = Shown(
                Outcome.OK, None, self._position, self._radio(auto=False, nr=nr), kept(mode)
            )
            failed = way is None and drawn[1] < self._quality.failed_share
            if failed:
                outcome, reason = _ENDED[int(drawn[2] * len(_ENDED))]
                good = good._replace(outcome=outcome, reason=reason)
            if way is None and self._stop.dated:
                count.failed += failed
                finished += not failed
            elif way is not None and way.name == "fallen_back":
                count.fallen_back += self._stop.dated
            yield self._capacity_row(
                way, good, rate_mbit_s, self._at_ms + after_ms + repeat * 150_000
            )
        count.finished += finished
        count.blocks += finished > 0

    def _capacity_row(self, way: Spoilt | None, good: Shown, rate_mbit_s: float, at_ms: int) -> Row:
        shown = good if way is None else spoil(way, self._operator, good)
        rate_mbit_s *= 1.0 if way is None else way.factor
        payload = None
        if shown.has_payload:
            radio_ = shown.radio
            if shown.outcome is Outcome.NO_SERVICE:
                radio_ = TestRadio(snapshots=SNAPSHOTS, snapshots_without_service=SNAPSHOTS)
            cut = shown.reason == "transfer: cut off"
            received = 0.1 * rate_mbit_s if cut else rate_mbit_s
            told = cut or shown.outcome in {Outcome.OK, Outcome.INVALID}
            payload_bytes = round(received * 1e6 / _BITS_A_BYTE * _WINDOW_S)
            payload = throughput.Payload(
                direction=throughput.Direction.DOWN,
                server="main",
                streams=6,
                warmup_s=2.0,
                window_s=_WINDOW_S,
                payload_bytes=payload_bytes if told else None,
                bits_per_second=payload_bytes * _BITS_A_BYTE / _WINDOW_S if told else None,
                cut_off=cut,
                radio=radio_,
            )
        return Row(
            at_ms,
            "throughput",
            payload,
            shown.outcome,
            shown.reason,
            shown.position,
            self._operator,
            shown.lock,
            OTHER_CAPACITY_PROFILE if shown.other_profile else CAPACITY_PROFILE,
        )

    def _video(self, counts: Counts, asked: Session, poor_share: float, after_ms: int) -> Row:
        drawn = self._dice.random(4).tolist()
        way = which(ways(self._stop.commune, locked=False, nr=False), drawn[0])
        # Poor sessions come more often where and when everything is slow; the mean is kept.
        poor = drawn[1] < poor_share * poorness(self._factor)
        failed = poor and drawn[2] < FAILED_OF_POOR
        if poor:
            rate_mbit_s = asked.needed_mbit_s * (0.2 + 0.75 * drawn[3])
        else:
            rate_mbit_s = asked.needed_mbit_s * (1.05 + 3 * drawn[3])
        good = Shown(Outcome.OK, None, self._position, self._radio(auto=True), None)
        if failed:
            good = good._replace(outcome=Outcome.FAILED, reason="segment: timed out")
        shown = good if way is None else spoil(way, self._operator, good)
        if way is not None:
            # Spoilt the other way round: a good session looks poor and a poor one good.
            rate_mbit_s = asked.needed_mbit_s * (2.0 if poor else 0.5)
        elif self._stop.dated:
            count = counts.of(asked.test, self._stop.commune, self._operator, self._month)
            count.failed += failed
            count.finished += not failed
            count.blocks += 1
        payload = session_payload(asked, shown, rate_mbit_s) if shown.has_payload else None
        return Row(
            self._at_ms + after_ms,
            "video",
            payload,
            shown.outcome,
            shown.reason,
            shown.position,
            self._operator,
            shown.lock,
            asked.other_profile if shown.other_profile else asked.profile,
        )

    @property
    def _cell_id(self) -> int:
        """Of the cell that serves this place."""
        node = int(self._stop.commune) * 10 + self._stop.place_index
        return node << 8 | self._operator + 1

    def _radio(self, *, auto: bool, nr: bool = False) -> TestRadio:
        on_nr = self._nr if auto else nr
        return TestRadio(
            rat_class=RatClass.G5 if on_nr else RatClass.G4,
            coverage=1.0,
            snapshots=SNAPSHOTS,
            nr_share=float(on_nr),
            plmn=self._network.plmn,
            cell_id=self._cell_id,
            pci=self._cell_id % 504,
            rsrp_dbm=-94.0,
            sinr_db=12.0,
        )
