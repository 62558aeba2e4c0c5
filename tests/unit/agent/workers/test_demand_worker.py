"""The socket for tests on demand, with real sockets, a real server and real tests."""

import json
import os
import socket
import stat
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from agent.config import parse
from agent.demand import caller
from agent.demand import worker as demand_worker
from agent.demand.caller import may_ask
from agent.demand.client import (
    NoServiceError,
    NotAllowedError,
    RefusedError,
    ask,
    service,
)
from agent.demand.messages import MAX_REQUEST_BYTES, SOCKET_FILE, Ask, prepare, read_record
from agent.demand.worker import MOST_CALLERS, DemandWorker
from agent.request import CANCELLED, STOPPED
from agent.runtime import Stop
from agent.shared_paths import SharedPaths
from agent.snapshots import Snapshot
from agent.traffic_worker import TrafficWorker
from drivers.traffic.result import unobserved
from sim.server import HttpServer
from wire.cells import Cell, Rat
from wire.codec import UnreadableRecordError
from wire.kinds.radio import Payload
from wire.messages import Modem, Outcome, Position, RatMode

WAIT_S = 20.0
SLOW = 'kind = "latency"\ncount = 20\ninterval_s = 10\n'
QUICK = 'kind = "latency"\ncount = 2\ninterval_s = 0\ndata_bytes = 1000\n'
LTE = Payload(serving=Cell(rat=Rat.LTE, rsrp_dbm=-90.0), plmn="45204")


class Radio:
    """A modem that is served by LTE and can be locked."""

    def __init__(self, clock):
        self._clock = clock
        self.asked = []

    def _look(self):
        modem = Modem(usb_path="1-1", name="viettel")
        return Snapshot(self._clock.mono_ns(), Outcome.OK, LTE, modem)

    def snapshots(self, _since_ns):
        return (self._look(),)

    def next_snapshot(self, _after_ns, _timeout_s):
        return self._look()

    def request_lock(self, mode, *, stop, timeout_s):
        assert timeout_s > 0
        if not stop.is_set():
            self.asked.append(mode)


@pytest.fixture(scope="module")
def http_server():
    with HttpServer("127.0.0.1", 0) as running:
        yield running


@pytest.fixture
def config(tmp_path, http_server):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "slow.toml").write_text(SLOW)
    (tmp_path / "profiles" / "quick.toml").write_text(QUICK)
    (tmp_path / "run").mkdir()
    text = (
        'probe = "dn-01"\nrun_dir = "run"\nprofile_dir = "profiles"\n'
        f'[[server]]\nname = "main"\nhttp_url = "http://127.0.0.1:{http_server.port}"\n'
        '[[server]]\nname = "bare"\n'
        '[[modem]]\nname = "viettel"\nport = "at"\n'
        '[[modem]]\nname = "other"\nport = "at2"\n'
        '[[plan]]\nname = "check"\nactivity = "latency"\nprofile = "quick"\nevery_s = 3600\n'
        'modems = ["viettel"]\nrat_lock = "4g"\n'
    )
    return parse(text, name="probe.toml", folder=tmp_path)


@pytest.fixture
def radio(clock):
    return Radio(clock)


@pytest.fixture
def desk(config, clock, recorder, *, radio, start, until):
    """The running worker with the tests of one modem; `.stop()` ends both as the agent does."""

    class Desk:
        def __init__(self):
            place = config.modem_named("viettel")
            tests = TrafficWorker(
                place=place,
                radio=radio,
                clock=clock,
                recorder=recorder,
                position_at=lambda _: Position(),
                paths=SharedPaths(),
                interface_of=lambda _: None,
            )
            look = recorder._envelope.around("radio", LTE)
            worker = DemandWorker(
                run_dir=config.run_dir,
                config=lambda: config,
                tests={"viettel": tests, "other": tests},
                look=lambda place: look if place.name == "viettel" else None,
                clock=clock,
            )
            self.worker = worker
            self.supervisors = [start(worker.run, "demand"), start(tests.run, "tests")]
            self.run_dir = config.run_dir
            until((config.run_dir / SOCKET_FILE).exists, "the socket")

        def stop(self):
            enders = [threading.Thread(target=each.stop, args=(15,)) for each in self.supervisors]
            for ender in enders:
                ender.start()
            for ender in enders:
                ender.join()

    return Desk()


@pytest.fixture
def call(desk):
    """Connections that speak lines of JSON, closed with the test."""
    talks = []

    def connect(request=None):
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(WAIT_S)
        stream.connect(str(desk.run_dir / SOCKET_FILE))
        if request is not None:
            with suppress(BrokenPipeError):  # refused before it was said; the reason is there
                stream.sendall(json.dumps(request).encode() + b"\n")
        talks.append(Talk(stream))
        return talks[-1]

    yield connect
    for talk in talks:
        talk.close()


class Talk:
    def __init__(self, stream):
        self.stream = stream
        self._lines = stream.makefile("rb")

    def next(self):
        line = self._lines.readline()
        assert line, "hung up without a last line"
        return json.loads(line)

    def until(self, type_):
        while True:
            said = self.next()
            if said["type"] == type_:
                return said

    def last(self):
        """The last line; nothing follows."""
        *_, line = self._lines.readlines()
        return json.loads(line)

    def close(self):
        self._lines.close()
        self.stream.close()


def is_row(row):
    return row.kind == "latency"


def test_a_test_is_told_of_until_its_record_which_is_the_row(call, records):
    talk = call({"kind": "latency", "modem": "viettel", "profile": "quick"})
    assert talk.next() == {"type": "accepted", "kind": "latency", "profile": "quick"} | {
        "planned_s": 1.3
    }
    assert talk.until("progress")["progress"]["stage"] == "testing"
    assert talk.until("progress")["progress"]["stage"] == "round trip 1 of 3"
    record = talk.last()["record"]
    assert (record["outcome"], record["plan"], record["profile"]) == ("ok", "on-demand", "quick")
    row = records.wait(is_row)
    assert read_record(json.dumps(record).encode()) == row


def test_a_plan_entry_can_be_asked_for_by_its_name(call, records, radio):
    talk = call({"plan": "check", "modem": "viettel"})
    assert talk.last()["record"]["plan"] == "check"
    assert records.wait(is_row).rat_lock.asked is RatMode.G4
    again = call({"kind": "latency", "profile": "quick", "modem": "viettel", "lock": "4g"})
    assert again.last()["record"]["rat_lock"]["asked"] == "4g"
    assert radio.asked[:2] == [RatMode.G4, None]


def test_one_look_is_the_newest_one(call, records):
    record = call({"kind": "radio", "modem": "viettel"}).last()["record"]
    assert record["payload"]["serving"]["rsrp_dbm"] == -90.0
    assert records.all() == []
    last = call({"kind": "radio", "modem": "other"}).last()
    assert last == {"type": "refused", "reason": "nothing known of the modem yet"}


def test_hanging_up_cancels_the_test_and_the_row_says_so(call, records):
    talk = call({"kind": "latency", "modem": "viettel", "profile": "slow"})
    talk.until("progress")
    talk.until("progress")
    begun = time.monotonic()
    talk.close()
    row = records.wait(is_row)
    assert time.monotonic() - begun < 2
    assert (row.outcome, row.reason) == (Outcome.INVALID, CANCELLED)
    assert row.payload.sent >= 1


def test_who_shuts_down_his_side_still_hears_how_it_ended(call):
    talk = call({"kind": "latency", "modem": "viettel", "profile": "slow"})
    talk.until("progress")
    talk.stream.shutdown(socket.SHUT_WR)
    record = talk.last()["record"]
    assert (record["outcome"], record["reason"]) == ("invalid", CANCELLED)


def test_a_cancelled_test_that_waited_is_a_row_and_the_next_one_runs(call, records):
    first = call({"kind": "latency", "modem": "viettel", "profile": "slow"})
    first.until("progress")
    waiting = call({"kind": "latency", "modem": "viettel", "profile": "slow", "lock": "4g"})
    waiting.until("accepted")
    third = call({"kind": "latency", "modem": "viettel", "profile": "quick"})
    third.until("accepted")
    waiting.close()
    call({"kind": "radio", "modem": "viettel"}).last()  # answered after that was noticed
    first.close()
    assert third.last()["record"]["outcome"] == "ok"
    ended = [(row.outcome, row.reason, row.payload is None) for row in records.all("latency")]
    assert ended == [
        (Outcome.INVALID, CANCELLED, False),
        (Outcome.INVALID, CANCELLED, True),
        (Outcome.OK, None, False),
    ]


def test_a_person_goes_before_every_entry_of_a_plan(config, clock, recorder, radio, records):
    place, stop = config.modem_named("viettel"), Stop()
    tests = TrafficWorker(
        place=place,
        radio=radio,
        clock=clock,
        recorder=recorder,
        position_at=lambda _: Position(),
        paths=SharedPaths(),
        interface_of=lambda _: None,
    )
    prepared = prepare(config, place, Ask(kind="latency", modem="viettel", profile="quick"))
    wanted = prepared.request(
        give_up_mono_ns=clock.mono_ns() + 10**12,
        on_progress=unobserved,
        done=lambda _: stop.set(),
    )
    tests.ask(replace(wanted, priority=9, plan="urgent", done=lambda _: None))
    tests.ask(wanted)
    tests.run(stop, lambda: None)
    plans = [(row.plan, row.outcome) for row in records.all("latency")]
    assert plans == [("on-demand", Outcome.OK), ("urgent", Outcome.SKIPPED)]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"hello\n", "no request: JSON is malformed"),
        (b"\xff\xfe\n", "no request: "),
        (b"[" * 4000 + b"\n", "no request: "),
        (b'{"kind": "latency"}\n', "no request: Object missing required field `modem`"),
        (b'{"modem": "viettel", "pin": 1}\n', "unknown field `pin`"),
        (b'{"modem": "viettel", "lock": "6g"}\n', "Invalid enum value '6g'"),
        (b'{"modem": "viettel", "profile": "../../etc/passwd"}\n', "matching regex"),
        (b'{"modem": "vietel", "kind": "scan"}\n', "did you mean 'viettel'?"),
        (b'{"modem": "viettel"}\n', "needs a kind of test"),
        (b'{"modem": "viettel", "kind": "latncy"}\n', "did you mean 'latency'?"),
        (b'{"modem": "viettel", "kind": "latency", "server": "x"}\n', "no [[server]] 'x'"),
        (
            b'{"modem": "viettel", "kind": "latency", "profile": "quick", "server": "bare"}\n',
            "needs 'http_url'",
        ),
        (b'{"modem": "viettel", "plan": "checks"}\n', "did you mean 'check'?"),
        (b'{"modem": "other", "plan": "check"}\n', "is not for modem 'other'"),
        (b'{"modem": "viettel", "plan": "check", "lock": "4g"}\n', "nothing beside it"),
        (b'{"modem": "viettel"}\n{"modem": "viettel"}\n', "one request a connection"),
        (b"x" * (MAX_REQUEST_BYTES + 1), "no longer than 4096 bytes"),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason(call, records, said, reason):
    talk = call()
    talk.stream.sendall(said)
    last = talk.last()
    assert last["type"] == "refused"
    assert reason in last["reason"]
    assert records.all() == []


def test_a_megabyte_without_an_end_is_not_kept(call):
    talk = call()
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        talk.stream.sendall(b"x" * (1 << 20))
    assert call({"kind": "radio", "modem": "viettel"}).last()["type"] == "record"


def test_who_says_nothing_is_sent_away(call, monkeypatch):
    monkeypatch.setattr(demand_worker, "REQUEST_S", 0.3)
    silent, half = call(), call()
    half.stream.sendall(b'{"kind": ')
    assert silent.last()["reason"] == half.last()["reason"] == "no request within 0 s"


def test_who_hangs_up_at_once_leaves_nothing_behind(call, desk, until):
    for _ in range(3 * MOST_CALLERS):
        call().close()
    look = {"kind": "radio", "modem": "viettel"}
    until(lambda: call(look).last()["type"] == "record", "room")
    until(lambda: not desk.worker._calls, "nobody is there")


def test_more_callers_than_there_is_room_for_are_told(call, until):
    silent = [call() for _ in range(MOST_CALLERS)]
    assert "callers are here already" in call().last()["reason"]
    silent.pop().close()
    look = {"kind": "radio", "modem": "viettel"}
    until(lambda: call(look).last()["type"] == "record", "room for one more")


def test_who_does_not_read_delays_nobody(call, monkeypatch, records):
    monkeypatch.setattr(caller, "MAX_UNSENT_BYTES", 100)
    deaf = call({"kind": "latency", "modem": "viettel", "profile": "quick"})
    records.wait(is_row)
    assert call({"kind": "radio", "modem": "viettel"}).last()["type"] == "record"
    assert deaf.last()["type"] == "record"


def test_when_the_agent_stops_everybody_hears_a_last_line(call, desk, records):
    running = call({"kind": "latency", "modem": "viettel", "profile": "slow"})
    running.until("progress")
    waiting = call({"kind": "latency", "modem": "viettel", "profile": "slow"})
    waiting.until("accepted")
    silent = call()
    begun = time.monotonic()
    desk.stop()
    assert time.monotonic() - begun < 5
    assert silent.last() == {"type": "refused", "reason": STOPPED}
    cut, late = running.last()["record"], waiting.last()["record"]
    assert (cut["outcome"], cut["reason"]) == ("invalid", STOPPED)
    assert (late["outcome"], late["reason"]) == ("skipped", STOPPED)
    assert len(records.all("latency")) == 2
    assert not (desk.run_dir / SOCKET_FILE).exists()


def test_the_socket_is_for_the_group_and_a_leftover_is_replaced(config, request, until):
    file = config.run_dir / SOCKET_FILE
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as crashed:
        crashed.bind(str(file))
    (config.run_dir / f".{SOCKET_FILE}.new").write_text("from a crash in between")
    left = file.stat().st_ino
    request.getfixturevalue("start")
    desk_ = request.getfixturevalue("desk")
    until(lambda: file.stat().st_ino != left, "a new socket")
    mode = file.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    with service(desk_.run_dir) as stream:
        wanted = Ask(kind="radio", modem="viettel")
        assert ask(stream, wanted, unobserved, waiting="").record.kind == "radio"


def test_only_root_the_same_user_and_the_same_group_may_ask():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert may_ask(ours, uid=os.geteuid(), gid=12_345)
        if os.geteuid() == 0:
            assert may_ask(ours, uid=12_345, gid=12_345)
        assert may_ask(ours, uid=12_345, gid=os.getegid())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_somebody_else_is_not_allowed_and_a_member_of_the_group_is():
    def as_somebody_else(groups):
        """What `may_ask` says of a child with another user, group and these groups."""
        ours, theirs = socket.socketpair()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("\0dosong-test-" + str(os.getpid()) + "-" + str(len(groups)))
        listener.listen()
        child = os.fork()
        if child == 0:  # pragma: no cover
            os.setgroups(groups)
            os.setresgid(54_321, 54_321, 54_321)
            os.setresuid(54_321, 54_321, 54_321)
            mine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            mine.connect(listener.getsockname())
            theirs.recv(1)
            os._exit(0)
        with ours, theirs, listener:
            stream, _ = listener.accept()
            with stream:
                allowed = may_ask(stream, uid=12_345, gid=12_345)
            ours.send(b"!")
            assert os.waitpid(child, 0)[1] == 0
        return allowed

    assert not as_somebody_else([])
    assert as_somebody_else([7, 12_345])


def test_without_a_service_the_client_says_so(tmp_path):
    with pytest.raises(NoServiceError), service(tmp_path):
        pass
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / SOCKET_FILE))
    with pytest.raises(NoServiceError), service(tmp_path):
        pass


def test_too_many_at_the_door_are_a_refusal(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(tmp_path / SOCKET_FILE))
        door.listen(0)
        with (
            service(tmp_path),
            pytest.raises(RefusedError, match="busy"),
            service(tmp_path),
        ):
            pass


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\n", b'{"type":"record","record":{"kind":"x"}}\n', b"y" * (1 << 20)]
)
def test_a_service_that_talks_nonsense_is_a_refusal(answer):
    ours, theirs = socket.socketpair()

    def talk():
        with theirs, suppress(BrokenPipeError):
            theirs.recv(4096)
            theirs.sendall(answer)

    talker = threading.Thread(target=talk)
    with ours:
        talker.start()
        with pytest.raises(RefusedError):
            ask(ours, Ask(kind="radio", modem="viettel"), unobserved, waiting="")
        ours.close()
    talker.join()


def test_ctrl_c_at_the_client_gives_what_was_measured(desk):
    def interrupt(now):
        if now.stage.startswith("round trip"):
            raise KeyboardInterrupt

    with service(desk.run_dir) as stream:
        wanted = Ask(kind="latency", modem="viettel", profile="slow")
        measured = ask(stream, wanted, interrupt_once(interrupt), waiting="waiting")
    assert measured.interrupted
    assert (measured.record.outcome, measured.record.reason) == (Outcome.INVALID, CANCELLED)


def test_ctrl_c_before_its_turn_does_not_wait_for_the_test_before(desk, call, records):
    before = call({"kind": "latency", "modem": "viettel", "profile": "slow"})
    before.until("progress")

    def interrupt(now):
        assert now.stage == "waiting"
        raise KeyboardInterrupt

    wanted = Ask(kind="latency", modem="viettel", profile="slow")
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), service(desk.run_dir) as stream:
        ask(stream, wanted, interrupt, waiting="waiting")
    assert time.monotonic() - begun < 2
    before.close()
    records.wait(lambda _: len(records.all("latency")) == 2, "both rows")
    assert [row.reason for row in records.all("latency")] == [CANCELLED, CANCELLED]


def interrupt_once(interrupt):
    """Progress that is interrupted the first time only."""
    done = []

    def hear(now):
        if not done:
            try:
                interrupt(now)
            except KeyboardInterrupt:
                done.append(1)
                raise

    return hear


def test_a_record_of_an_unknown_kind_cannot_be_read():
    with pytest.raises(UnreadableRecordError):
        read_record(b'{"kind": "x"}')


def test_a_worker_that_is_restarted_opens_its_socket_again(config, clock):
    worker = DemandWorker(
        run_dir=config.run_dir,
        config=lambda: config,
        tests={},
        look=lambda _: None,
        clock=clock,
    )
    for _ in range(2):
        stop = Stop()
        stop.set()
        worker.run(stop, lambda: None)
        assert list(config.run_dir.iterdir()) == []


def test_a_socket_that_does_not_listen_to_us_is_told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(tmp_path / SOCKET_FILE))
        (tmp_path / SOCKET_FILE).chmod(0)
        door.listen()
        child = os.fork()
        if child == 0:  # pragma: no cover
            if os.geteuid() == 0:
                os.setresuid(54_321, 54_321, 54_321)
            try:
                with service(tmp_path):
                    os._exit(1)
            except NotAllowedError:
                os._exit(0)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
