"""A session ends by its deadline whatever the far end does, and soon after it is cancelled."""

import socket
import threading
import time

import pytest

from drivers.traffic import NetPath, Server, run_video
from drivers.traffic.profile import Paced
from tests.unit.drivers.traffic.ends import paced, session, streamed
from wire.messages import Outcome

SLACK_S = 2.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 62500\r\n\r\n"
QUICK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 625000\r\n\r\n"
SEGMENT = HEAD + bytes(62_500)
MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=320x180\nx.m3u8\n"


def answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Trickle:
    """Answers each request with the next of `heads`; after the last with a byte every 20 ms."""

    def __init__(self, *heads: bytes) -> None:
        self._heads = heads
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self) -> None:
        self._listener.settimeout(0.05)
        while not self._done.is_set():
            try:
                stream, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._threads.append(threading.Thread(target=self._serve, args=(stream,)))
            self._threads[-1].start()

    def _serve(self, stream: socket.socket) -> None:
        with stream:
            try:
                for head in self._heads:
                    stream.settimeout(10)
                    stream.recv(4096)
                    stream.sendall(head)
                while not self._done.wait(0.02):
                    stream.sendall(b"x")
            except OSError:
                return

    def close(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(11)
        self._listener.close()


@pytest.fixture
def trickle():
    made = []

    def make(*heads: bytes) -> Trickle:
        made.append(Trickle(*heads))
        return made[-1]

    yield make
    for each in made:
        each.close()


def short(**changes):
    """A session whose deadline is 2 s."""
    shape = {
        "segment_s": 0.5,
        "segments": 1,
        "media_bits_per_second": 1_000_000,
        "target_bits_per_second": 100_000,
        "access_timeout_s": 0.5,
        "stall_timeout_s": 60,
        "start_threshold_s": 0.5,
    }
    return session(**(shape | changes))


def film(**changes):
    """A session by a manifest whose deadline is 3.5 s."""
    shape = {"play_s": 1, "access_timeout_s": 0.5, "stall_timeout_s": 60}
    return streamed("/x.m3u8", **(shape | {"media_bits_per_second": 500_000} | changes))


def quick(**changes):
    """A paced attempt whose window is 1 s: less than a profile may have, as tests are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivers.traffic.profile.MIN_OUTSTANDING_S", 1.0)
        return paced(paced=Paced(window_s=1), **changes)


def run(profile, port, cancel=None):
    server = Server(host="127.0.0.1", http_port=port)
    begun = time.monotonic()
    result = run_video(profile, server, NetPath(), cancel or threading.Event())
    return result, time.monotonic() - begun


@pytest.mark.parametrize("profile", [short(), film(), quick()])
def test_a_black_hole_is_a_timeout(profile, deaf_port):
    result, took_s = run(profile, deaf_port)
    assert took_s < profile.deadline_s + SLACK_S
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect: timeout")
    assert result.payload.ip_access_s is None
    assert result.payload.answer is (None if profile.paced is None else False)


@pytest.mark.parametrize("profile", [short(), film(), quick()])
def test_a_server_that_freezes_before_its_answer_is_a_timeout(profile, misbehaving):
    result, took_s = run(profile, misbehaving().port)
    assert took_s < profile.deadline_s + SLACK_S
    assert (result.outcome, result.reason) == (Outcome.FAILED, "request: timeout")


def test_a_second_segment_that_trickles_ends_by_the_deadline(trickle):
    profile = short(segments=2)
    far_end = trickle(SEGMENT, HEAD)
    result, took_s = run(profile, far_end.port)
    assert profile.deadline_s <= took_s < profile.deadline_s + SLACK_S
    assert result.outcome is Outcome.FAILED
    assert result.payload.cut_off
    assert result.payload.played_s == 0.5


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_headers_that_trickle_end_by_the_deadline(trickle, head):
    profile = short()
    result, took_s = run(profile, trickle(head).port)
    assert took_s < profile.deadline_s + SLACK_S
    assert result.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("profile", "heads"),
    [(short(), [HEAD]), (film(), [HEAD]), (film(), [answer(MASTER), HEAD])],
)
def test_a_body_that_trickles_is_given_up_when_it_should_play(trickle, profile, heads):
    result, took_s = run(profile, trickle(*heads).port)
    assert took_s < profile.access_timeout_s + SLACK_S
    assert (result.outcome, result.reason) == (Outcome.FAILED, "access: timeout")


def test_a_trickle_is_answered_no_long_before_the_window_ends(trickle):
    profile = quick()
    result, took_s = run(profile, trickle(HEAD).port)
    payload = result.payload
    assert (result.outcome, payload.answer, payload.early_stop) == (Outcome.OK, False, True)
    assert took_s < 0.8
    assert payload.bits_per_second < 5_000_000


def test_a_body_that_freezes_is_answered_no_when_the_window_is_over(misbehaving):
    result, took_s = run(quick(), misbehaving(QUICK_HEAD + bytes(9999)).port)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert (payload.answer, payload.early_stop, payload.payload_bytes) == (False, False, 9999)
    assert 1 <= took_s < 1 + SLACK_S


@pytest.mark.parametrize(
    "profile", [short(access_timeout_s=60), film(access_timeout_s=60), paced()]
)
def test_a_cancelled_session_ends_within_about_a_second(profile, misbehaving):
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    result, took_s = run(profile, misbehaving().port, cancel)
    assert took_s < 0.3 + 1.2
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: cancelled")
    assert result.payload.answer is None


def test_a_paced_reader_who_waits_is_cancelled_too(http_server):
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    result, took_s = run(paced(), http_server.http_port, cancel)
    assert took_s < 1.5
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: cancelled")
    assert result.payload.payload_bytes > 0


def test_look_up_and_connecting_share_the_time_for_access(deaf_port, monkeypatch):
    def slow(*_, **__):
        threading.Event().wait(0.7)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", deaf_port))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begun = time.monotonic()
    server = Server(host="far.example", http_port=deaf_port)
    result = run_video(session(access_timeout_s=1), server, NetPath(), threading.Event())
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect: timeout")
    assert time.monotonic() - begun < 1.5
