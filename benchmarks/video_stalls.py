"""How true the stalls of a video session are, and its answer to "5 Mbit/s or not".

A link's rate follows a schedule. What a viewer must have seen on it is reckoned from the schedule
alone, as a liquid that flows in steps of a millisecond, and held against what the session says.
The schedule is kept by a server that paces its bytes, and, with root, by a real shaped link whose
rate is changed. The answers are asked for on links around 5 Mbit/s (root as well).
"""

import argparse
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from benchmarks.links import HEADER_BYTES, far_end, machine, way_out
from drivers.traffic import NetPath, Server, VideoProfile, load_profiles
from drivers.traffic.video import run_video
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from wire.messages import Outcome

PROFILES = Path(__file__).parents[1] / "config" / "profiles"
MEDIA_MBIT = 5.0
SEGMENT_S, SEGMENTS = 1.0, 14
THRESHOLD_S = 2.0
BUFFER_S = 60.0
STEP_S = 0.001
SLICE_S = 0.004
"""Of what the pacing server sends at once."""
TRICKLE_MBIT = 0.064
"""A shaper cannot stand still: this is its outage."""
PROMISED_S = {"paced": 0.1, "shaped": 0.2}
"""Largest error of the length of all stalls and of the access time. A shaped link's TCP also has
to notice that its outage is over."""
TARGET_MBIT = 5.0
ASKED_MBIT = (4.5, 4.75, 4.9, 4.95, 5.05, 5.1, 5.25, 5.5)
QUICK_ASKED_MBIT = (4.5, 4.9, 5.1, 5.5)
UNDECIDED = 0.005
"""A link this near to the target may be told either way."""
SEGMENT_BYTES = 1448

T = TypeVar("T")
R = TypeVar("R")

Schedule = tuple[tuple[float, float], ...]
"""From so many seconds on, so many Mbit/s; the first is from 0."""

SCHEDULES: dict[str, Schedule] = {
    "steady": ((0, 6),),
    "below the media": ((0, 4.2),),
    "half for 8 s": ((0, 6), (4, 2.5), (12, 8)),
    "outage of 3 s": ((0, 6), (4, 0), (7, 8)),
    "outage of 8 s": ((0, 6), (4, 0), (12, 8)),
    "two outages": ((0, 7), (3, 0), (6, 6), (9, 0), (14, 10)),
}
QUICK_SCHEDULES = ("outage of 3 s",)


class Seen(NamedTuple):
    """What a viewer saw."""

    access_s: float
    stalls: int
    stalled_s: float
    longest_s: float


class Row(NamedTuple):
    """One session on one schedule."""

    schedule: str
    link: str
    reckoned: Seen
    measured: Seen | None
    """None: the session did not end well."""
    reason: str | None

    @property
    def error_s(self) -> float | None:
        """Largest of the three times'."""
        if self.measured is None:
            return None
        access, _, stalled, longest = (
            late - early for early, late in zip(self.reckoned, self.measured, strict=True)
        )
        return max(access, stalled, longest, key=abs)

    @property
    def kept(self) -> bool:
        """Whether number and lengths are as promised."""
        return (
            self.measured is not None
            and self.error_s is not None
            and self.measured.stalls == self.reckoned.stalls
            and abs(self.error_s) <= PROMISED_S[self.link]
        )


class Answer(NamedTuple):
    """One profile's answer on one link."""

    profile: str
    link_mbit: float
    mbit: float | None
    outcome: str

    @property
    def reaches(self) -> bool:
        """What the session says of the target."""
        return self.mbit is not None and self.mbit >= TARGET_MBIT

    @property
    def kept(self) -> bool:
        """Whether it is right, or the link is too near to the target."""
        if abs(self.link_mbit / TARGET_MBIT - 1) <= UNDECIDED:
            return True
        return self.reaches == (self.link_mbit >= TARGET_MBIT)


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 if something is not as promised."""
    options = _options(arguments)
    names = QUICK_SCHEDULES if options.quick else tuple(SCHEDULES)
    chosen = {name: SCHEDULES[name] for name in names}
    rows = on_paced_links(chosen)
    answers: list[Answer] = []
    if os.geteuid() == 0:
        rows += on_shaped_links(chosen)
        answers = ask(QUICK_ASKED_MBIT if options.quick else ASKED_MBIT)
    kept = all(each.kept for each in [*rows, *answers])
    if options.json:
        found = {
            "machine": machine(),
            "sessions": [{**row._asdict(), "kept": row.kept} for row in rows],
            "answers": [{**answer._asdict(), "kept": answer.kept} for answer in answers],
        }
        print(json.dumps({"video_stalls": found}))
    else:
        _print(rows, answers)
    return int(not kept)


def reckon(schedule: Schedule, media_mbit: float, segments: int) -> Seen:
    """What must be seen on a liquid link: segments asked for one after the other.

    Playing starts, and starts again, with `THRESHOLD_S` in the buffer or all that there is.
    """
    size_mbit = media_mbit * SEGMENT_S
    now_s = got_mbit = buffered_s = 0.0
    arrived, playing = 0, False
    access_s: float | None = None
    stalls: list[float] = []
    while True:
        if arrived < segments:
            got_mbit += rate_mbit(schedule, now_s) * STEP_S
            if got_mbit >= size_mbit:
                got_mbit -= size_mbit
                arrived += 1
                buffered_s += SEGMENT_S
        now_s += STEP_S
        if playing:
            buffered_s -= STEP_S
            if buffered_s <= 0:
                if arrived == segments:
                    break
                playing, buffered_s = False, 0.0
                stalls.append(0.0)
        elif buffered_s >= THRESHOLD_S or arrived == segments:
            playing = True
            access_s = now_s if access_s is None else access_s
        elif stalls:
            stalls[-1] += STEP_S
    return Seen(access_s or 0.0, len(stalls), sum(stalls), max(stalls, default=0.0))


def rate_mbit(schedule: Schedule, at_s: float) -> float:
    """The link's rate at an instant of its schedule."""
    return next(rate for since_s, rate in reversed(schedule) if at_s >= since_s)


def on_paced_links(schedules: Mapping[str, Schedule]) -> list[Row]:
    """A session on each schedule, all at once, each with a server that paces what it sends."""

    def watch(name: str, schedule: Schedule) -> Row:
        with _PacingServer(schedule) as server:
            end = Server(host="127.0.0.1", http_port=server.port)
            return _session(name, "paced", schedule, end, NetPath())

    return _all_at_once(watch, schedules)


def on_shaped_links(schedules: Mapping[str, Schedule]) -> list[Row]:
    """The same on shaped links whose rate is changed; what is no rate trickles."""
    trickling = {
        name: tuple((since_s, max(rate, TRICKLE_MBIT)) for since_s, rate in schedule)
        for name, schedule in schedules.items()
    }
    links = [
        OperatorLink(f"{number}", schedule[0][1], 10.0)
        for number, schedule in enumerate(trickling.values())
    ]
    with (
        tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder,
        OperatorNetworks(links) as nets,
    ):
        for link in links:
            nets[link.name].serve(log=Path(folder, f"{link.name}.log"))
        by_name = {name: nets[link.name] for name, link in zip(trickling, links, strict=True)}

        def watch(name: str, schedule: Schedule) -> Row:
            net = by_name[name]
            with _changing(net, schedule):
                return _session(name, "shaped", schedule, far_end(net), way_out(net))

        return _all_at_once(watch, trickling)


def ask(rates_mbit: Sequence[float]) -> list[Answer]:
    """Every short way of asking for 5 Mbit/s, on each link at once."""
    profiles = {
        name: profile
        for name, profile in load_profiles(PROFILES).items()
        if isinstance(profile, VideoProfile)
        and profile.target_bits_per_second == TARGET_MBIT * 1e6
        and getattr(profile, "manifest", None) is None
    }
    links = [OperatorLink(f"{rate:g}", rate, rate) for rate in rates_mbit]
    answers = []
    with (
        tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder,
        OperatorNetworks(links) as nets,
    ):
        for link in links:
            nets[link.name].serve(log=Path(folder, f"{link.name}.log"))
        for name, profile in profiles.items():

            def answer(
                link: OperatorLink, name: str = name, profile: VideoProfile = profile
            ) -> Answer:
                net = nets[link.name]
                result = run_video(profile, far_end(net), way_out(net), threading.Event())
                bit_s = result.payload.bits_per_second
                known = result.outcome is not Outcome.INVALID and bit_s is not None
                mbit = (bit_s or 0.0) / 1e6 if known else None
                return Answer(name, link.down_mbit, mbit, result.reason or result.outcome.value)

            answers += _concurrently([(answer, link) for link in links])
    return answers


def _session(name: str, link: str, schedule: Schedule, end: Server, path: NetPath) -> Row:
    profile = VideoProfile(
        height=1080,
        media_bits_per_second=round(MEDIA_MBIT * 1e6),
        target_bits_per_second=round(MEDIA_MBIT * 1e6),
        segment_s=SEGMENT_S,
        segments=SEGMENTS,
        start_threshold_s=THRESHOLD_S,
        buffer_s=BUFFER_S,
    )
    result = run_video(profile, end, path, threading.Event())
    payload = result.payload
    measured = None
    if result.reason is None and payload.access_s is not None:
        measured = Seen(
            payload.access_s,
            payload.stalls or 0,
            payload.stall_total_s or 0.0,
            payload.stall_longest_s or 0.0,
        )
    return Row(name, link, reckon(schedule, MEDIA_MBIT, SEGMENTS), measured, result.reason)


def _all_at_once(
    watch: Callable[[str, Schedule], Row], schedules: Mapping[str, Schedule]
) -> list[Row]:
    return _concurrently([(lambda pair: watch(*pair), pair) for pair in schedules.items()])


def _concurrently(calls: Sequence[tuple[Callable[[T], R], T]]) -> list[R]:
    found: dict[int, R] = {}

    def work(number: int) -> None:
        call, argument = calls[number]
        found[number] = call(argument)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(calls))]


class _PacingServer:
    """Answers with the bytes asked for, never faster than the schedule, counted from the first."""

    def __init__(self, schedule: Schedule) -> None:
        self._server = _Threads(("127.0.0.1", 0), _Handler)
        self._server.schedule = schedule
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    schedule: Schedule = ()
    started_s: float | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Threads

    def do_GET(self) -> None:
        asked_s = time.monotonic()
        sizes = parse_qs(urlsplit(self.path).query).get("bytes")
        if not sizes:  # it has no slots and says nothing of itself
            self.send_error(404)
            return
        if self.server.started_s is None:
            self.server.started_s = asked_s
        size = int(sizes[-1])
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        sent = 0
        while sent < size:
            time.sleep(SLICE_S)
            due = self._bytes_since(asked_s)
            piece = min(size, due) - sent
            if piece > 0:
                self.wfile.write(bytes(piece))
                sent += piece

    def do_POST(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nobody reads it."""

    def _bytes_since(self, asked_s: float) -> int:
        """What the schedule has let through since a request."""
        zero_s = self.server.started_s or 0.0
        from_s, to_s = asked_s - zero_s, time.monotonic() - zero_s
        schedule = self.server.schedule
        ends = [*(since_s for since_s, _ in schedule[1:]), float("inf")]
        mbit = sum(
            rate * max(0.0, min(to_s, end_s) - max(from_s, since_s))
            for (since_s, rate), end_s in zip(schedule, ends, strict=True)
        )
        return int(mbit * 1e6 / 8)


@contextmanager
def _changing(net: OperatorNetwork, schedule: Schedule) -> Iterator[None]:
    """The link's rate follows the schedule from now on."""
    done, started_s = threading.Event(), time.monotonic()

    def change() -> None:
        for since_s, rate in schedule[1:]:
            if done.wait(max(0.0, started_s + since_s - time.monotonic())):
                return
            wire_bit_s = round(rate * 1e6 * (SEGMENT_BYTES + HEADER_BYTES) / SEGMENT_BYTES)
            subprocess.run(
                [
                    *("tc", "-n", net.namespace or "", "qdisc", "change", "dev", "uplink", "root"),
                    *("tbf", "rate", f"{wire_bit_s}bit", "burst", "8000b", "limit", "4000000b"),
                ],
                check=True,
            )

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _print(rows: Sequence[Row], answers: Sequence[Answer]) -> None:
    print(machine())
    print(
        f"{'schedule':<16} {'link':<7} {'':<9} {'access s':>8} {'stalls':>6} {'in all s':>8}"
        f" {'longest':>8} {'error s':>8}"
    )
    for row in rows:
        _print_seen(f"{row.schedule:<16} {row.link:<7} {'reckoned':<9}", row.reckoned, "")
        mark = "kept" if row.kept else "NOT KEPT"
        if row.measured is None:
            print(f"{'':<24} {row.reason} {mark}")
        else:
            _print_seen(f"{'':<24} {'measured':<9}", row.measured, f"{row.error_s:>+8.3f} {mark}")
    within = ", ".join(f"{limit_s:g} s {link}" for link, limit_s in PROMISED_S.items())
    print(f"promised: the number of stalls, and times within {within}")
    if not answers:
        print("answers to 5 Mbit/s need root")
        return
    print(f"\n{'profile':<20} {'link':>6} {'measured':>9} {'error':>8}  {TARGET_MBIT:g} Mbit/s?")
    for answer in answers:
        rate = "-" if answer.mbit is None else f"{answer.mbit:.3f}"
        error = "-" if answer.mbit is None else f"{answer.mbit / answer.link_mbit - 1:+.2%}"
        print(
            f"{answer.profile:<20} {answer.link_mbit:>6g} {rate:>9} {error:>8}"
            f"  {'yes' if answer.reaches else 'no':<4} {'' if answer.kept else 'WRONG'}"
        )
    print(f"promised: right for every link more than {UNDECIDED:.1%} off the target")


def _print_seen(head: str, seen: Seen, tail: str) -> None:
    print(
        f"{head} {seen.access_s:>8.3f} {seen.stalls:>6} {seen.stalled_s:>8.3f}"
        f" {seen.longest_s:>8.3f} {tail}"
    )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks video_stalls")
    parser.add_argument("--quick", action="store_true", help="one schedule and four links")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(arguments)
