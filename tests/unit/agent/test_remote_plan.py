import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.clock import Clock
from agent.config import load
from agent.plan_in_force import PlanInForce
from agent.planned import prepare
from agent.recorder import Envelope, Recorder
from agent.remote_plan import NAME, Followed, judge, recall, refuse_stale, stand
from agent.runtime import Worker
from agent.scheduler import Replaced
from wire.messages import Position
from wire.signature import new_secret_key, public_key_of
from wire.signed_plan import (
    MAX_BYTES,
    RefusedPlanError,
    SignedPlan,
    digest,
    encode_plan,
    signed,
)

NOW = datetime(2026, 12, 1, 5, tzinfo=UTC)
SECRET, STRANGER = new_secret_key(), new_secret_key()
KEYS = (public_key_of(SECRET),)
HEAD = f"""\
probe = "dn-01"
state_dir = "state"
[plan_updates]
public_keys = ["{KEYS[0]}"]
[[modem]]
name = "viettel"
port = "nobody"
"""
SERVER = '[[server]]\nname = "main"\nhttp_url = "http://test.example:8080"\n'


def entry(name, more="every_s = 600", activity="scan"):
    return f'[[plan]]\nname = "{name}"\nactivity = "{activity}"\n{more}\n'


OWN = HEAD + SERVER + entry("own")


def message(number=7, plan=None, *, key=SECRET, probe="dn-01", valid_until_utc=None):
    unsigned = SignedPlan(
        probe=probe,
        number=number,
        made_utc=NOW,
        valid_until_utc=valid_until_utc,
        plan=entry("sent") if plan is None else plan,
    )
    return encode_plan(unsigned if key is None else signed(unsigned, key))


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "probe.toml"
    file.write_text(OWN)
    (tmp_path / "state").mkdir()
    return file


@pytest.fixture
def own(file):
    return followed(file)


def followed(file):
    config = load(file)
    return Followed(config, prepare(config, name=file.name))


def names(standing):
    return [each.entry.name for each in standing.followed.planned]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (message(key=None), "it is not signed"),
        (message(key=STRANGER), "signature is wrong"),
        (message(probe="dn-02"), "it is for probe dn-02"),
        (message().replace(b"every_s = 600", b"every_s = 1"), "signature is wrong"),
        (message(plan="#" * 1001), "a line of the plan is longer than 1000 characters"),
        (message(plan="#\n" * MAX_BYTES), "longer than 262144 bytes"),
        (b"", "unreadable"),
        (b"\xff", "unreadable"),
    ],
)
def test_what_is_not_meant_for_this_probe_is_not_believed(payload, said):
    with pytest.raises(RefusedPlanError, match=said):
        judge(payload, probe="dn-01", public_keys=KEYS)


def test_a_probe_that_knows_no_key_says_so():
    with pytest.raises(RefusedPlanError, match="public_keys of the configuration is empty"):
        judge(message(), probe="dn-01", public_keys=())


def believed(payload):
    return judge(payload, probe="dn-01", public_keys=KEYS)


@pytest.mark.parametrize("number", [7, 6, 1])
def test_a_number_that_is_not_above_the_last_is_a_replay(number):
    last = believed(message(7))
    with pytest.raises(RefusedPlanError, match=f"number {number} is not above 7"):
        refuse_stale(believed(message(number, plan="")).message, last, NOW)
    refuse_stale(believed(message(8)).message, last, NOW)


def test_what_has_ended_is_not_begun_and_without_the_time_nothing_has_ended(own, tmp_path):
    sent = believed(message(valid_until_utc=NOW))
    with pytest.raises(RefusedPlanError, match="it was valid until 2026-12-01 05:00"):
        refuse_stale(sent.message, None, NOW)
    refuse_stale(sent.message, None, None)
    refuse_stale(sent.message, None, NOW - timedelta(seconds=1))
    assert stand(own, sent, folder=tmp_path, utc=None).in_force
    assert not stand(own, sent, folder=tmp_path, utc=NOW).in_force


def test_a_sent_plan_takes_the_place_of_the_tables_it_names_alone(own, tmp_path):
    standing = stand(own, believed(message()), folder=tmp_path, utc=NOW)
    assert standing.in_force
    assert names(standing) == ["sent"]
    assert standing.followed.config.server == own.config.server
    other = SERVER.replace("main", "other")
    standing = stand(own, believed(message(plan=other)), folder=tmp_path, utc=NOW)
    assert names(standing) == ["own"]
    assert [server.name for server in standing.followed.config.server] == ["other"]


def test_a_plan_may_say_that_nothing_is_tested(own, tmp_path):
    standing = stand(own, believed(message(plan="plan = []")), folder=tmp_path, utc=NOW)
    assert standing.in_force
    assert standing.followed.planned == ()


@pytest.mark.parametrize("plan", ["", " \n"])
def test_an_empty_plan_gives_the_probe_its_own_back(own, tmp_path, plan):
    standing = stand(own, believed(message(plan=plan)), folder=tmp_path, utc=NOW)
    assert not standing.in_force
    assert standing.problem is None
    assert names(standing) == ["own"]


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ("[[plan]", "plan 7: not TOML: "),
        ("a = " + "[\n" * 80_000, "plan 7: lists or tables nested too deeply"),
        ("a." * 490 + "b = 1", "plan 7: a: unknown key"),
        (entry("x", "evry_s = 5"), "plan 7: plan[0].evry_s: unknown key; did you mean 'every_s'?"),
        (entry("x", "every_s = 0.5"), "plan 7: plan[0].every_s: expected float >= 1.0"),
        (entry("x", "every_s = 5\ncron = '0 9 * * *'"), "plan 7: plan[0].cron: one trigger"),
        (entry("x") + entry("x"), "plan 7: plan[1].name: 'x' is taken by plan[0].name"),
        (entry("x", "area = 'a'\non = 'enter'"), "plan 7: plan[0].area: no area 'a'"),
        (entry("x", activity="scam"), "plan 7: plan[0]: no activity 'scam'"),
        (entry("x", "every_s = 60\nmodems = ['vt']"), "plan 7: plan[0].modems: no modem 'vt'"),
        ('probe = "dn-01"', "plan 7: probe: unknown key"),
        ("[uplink]\nhost = 'evil.example'", "plan 7: uplink: unknown key"),
        (entry("x", "places = '/etc/shadow'"), "plan 7: plan[0].places: only a file beside"),
        (entry("x", "places = 'a/../b.csv'"), "plan 7: plan[0].places: only a file beside"),
        (entry("x", "places = '..'"), "plan 7: plan[0].places: ..: is no file"),
        (entry("x", "places = 'x.csv'"), "plan 7: plan[0].places: x.csv: cannot be read"),
        ("[[area]]\nname = 'a'\nfile = '../a.geojson'", "plan 7: area[0].file: only a file"),
    ],
)
def test_what_contradicts_the_probe_is_told_with_its_place(own, tmp_path, plan, problem):
    standing = stand(own, believed(message(plan=plan)), folder=tmp_path, utc=NOW)
    assert standing.problem.startswith(problem)
    assert not standing.in_force
    assert standing.followed == own


def test_a_list_beside_the_configuration_may_be_named(own, tmp_path):
    (tmp_path / "schools.csv").write_text("name,lat,lon,radius_m\nA,12.0,107.7,100\n")
    plan = entry("x", "places = 'schools.csv'")
    standing = stand(own, believed(message(plan=plan)), folder=tmp_path, utc=NOW)
    assert standing.problem is None
    assert len(standing.followed.planned[0].where) == 1


class Agent:
    """The worker, and what it was seen to do."""

    def __init__(self, file, clock, supervise, until):
        self.events = []
        self.taken_up = []
        self._until = until
        envelope = Envelope(probe="dn-01", software="t", stamp=clock.stamp, position=Position)
        self.plan = PlanInForce(
            followed(file),
            file=file,
            clock=clock,
            recorder=Recorder(envelope, self),
            take_up=self._take_up,
        )
        supervise(Worker(name="plan", run=self.plan.run))

    def append(self, record):
        self.events.append((record.payload.name, record.payload.detail))
        return True

    def _take_up(self, followed):
        self.taken_up.append([each.entry.name for each in followed.planned])
        return Replaced(kept=0, begun=len(followed.planned), ended=1)

    @property
    def at_start(self):
        return [each.entry.name for each in self.plan.at_start.planned]

    def hear(self, payload):
        """What is answered to it."""
        self.plan.hear(payload)
        wanted = digest(payload[: MAX_BYTES + 1])
        self._until(lambda: getattr(self.plan.answer(), "digest", None) == wanted, "an answer")
        return self.plan.answer()

    def wait_event(self, name):
        self._until(lambda: any(each[0] == name for each in self.events), f"event {name}")
        return next(detail for each, detail in self.events if each == name)


@pytest.fixture
def start(file, supervise, until, fake_time):
    clock = Clock(fake_time)

    def start(*, utc=None):
        if utc is not None:
            clock.anchor_by_gps(utc, mono_ns=clock.mono_ns(), err_s=0.1)
        return Agent(file, clock, supervise, until)

    return start


def test_a_good_plan_is_followed_answered_and_kept_over_a_power_cut(start, file):
    agent = start()
    assert agent.plan.answer() is None
    assert agent.at_start == ["own"]
    answer = agent.hear(message())
    assert (answer.accepted, answer.accepted_number, answer.in_force) == (True, 7, True)
    assert agent.taken_up == [["sent"]]
    assert agent.wait_event("plan_accepted") == {"kept": 0, "begun": 1, "ended": 1, "number": 7}
    assert (file.parent / "state" / NAME).read_bytes() == message()
    again = start()
    assert again.at_start == ["sent"]
    assert again.plan.answer() == answer


def test_the_same_message_again_is_silently_the_same(start):
    agent = start()
    first = agent.hear(message())
    agent.hear(message(8, plan="[[plan]"))
    answer = agent.hear(message())
    assert answer == first
    assert [name for name, _ in agent.events] == ["plan_accepted", "plan_refused"]


def test_a_refusal_is_told_once_and_the_last_good_plan_goes_on(start, file):
    agent = start()
    agent.hear(message())
    bad = message(8, plan=entry("x", "evry_s = 5"))
    answer = agent.hear(bad)
    assert not answer.accepted
    assert answer.number == 8
    assert answer.problem.startswith("plan 8: plan[0].evry_s: unknown key")
    assert (answer.accepted_number, answer.in_force) == (7, True)
    agent.plan.hear(bad)
    agent.hear(message(6))
    assert [detail["number"] for name, detail in agent.events if name == "plan_refused"] == [8, 6]
    assert agent.taken_up == [["sent"]]
    assert (file.parent / "state" / NAME).read_bytes() == message()


def test_foreign_text_in_a_refusal_steers_no_terminal(start):
    answer = start().hear(b'{"number":7,"\\u001b[2J' + b"x" * 1000 + b'":1}')
    assert answer.number == 7
    assert answer.problem.isprintable()
    assert len(answer.problem) <= 300


def test_what_is_too_long_is_cut_off_before_it_waits(start):
    answer = start().hear(b"x" * (4 * MAX_BYTES))
    assert answer.problem == f"longer than {MAX_BYTES} bytes"


def test_a_plan_is_withdrawn_by_a_signed_message_and_by_nothing_else(start):
    agent = start()
    agent.hear(message())
    agent.plan.hear(b"")
    assert agent.hear(message(8, plan="", key=None)).in_force
    answer = agent.hear(message(8, plan=""))
    assert (answer.accepted, answer.accepted_number, answer.in_force) == (True, 8, False)
    assert agent.taken_up == [["sent"], ["own"]]
    assert agent.wait_event("plan_ended") == {"number": 7, "why": "number 8 withdraws it"}
    again = start()
    assert again.at_start == ["own"]
    assert not again.hear(message(7)).accepted, "the number is remembered"


def test_a_plan_ends_when_its_time_is_over(start, until, fake_time):
    agent = start(utc=NOW)
    end = NOW + timedelta(hours=1)
    answer = agent.hear(message(valid_until_utc=end))
    assert answer.in_force_until_utc == end
    fake_time.pass_s(3601)
    agent.plan.hear(b"")  # so that it looks now
    until(lambda: agent.taken_up == [["sent"], ["own"]], "its own plan is back")
    assert agent.wait_event("plan_ended") == {"number": 7, "why": "its time is over"}
    assert not agent.plan.answer().in_force
    assert not agent.hear(message(7, plan="")).accepted, "the number is remembered"


def test_what_ended_while_the_probe_was_off_is_not_begun_again(start):
    start().hear(message(valid_until_utc=NOW))
    assert start().at_start == ["sent"], "the time is not known yet"
    assert start(utc=NOW).at_start == ["own"]


def test_another_configuration_leaves_the_sent_plan_in_force(start, file, until):
    agent = start()
    agent.hear(message())
    file.write_text(HEAD + SERVER.replace("main", "second") + entry("newer"))
    agent.plan.read_again()
    until(lambda: len(agent.taken_up) == 2, "it is read")
    assert agent.taken_up[1] == ["sent"]
    agent.hear(message(8, plan=""))
    assert agent.taken_up[2] == ["newer"]


def test_a_configuration_that_the_sent_plan_does_not_fit_is_refused(start, file):
    agent = start()
    agent.hear(message(plan=entry("sent", 'every_s = 600\nserver = "main"')))
    file.write_text(HEAD + SERVER.replace("main", "second") + entry("newer"))
    agent.plan.read_again()
    problem = agent.wait_event("plan_refused")["problem"]
    assert problem.startswith("probe.toml: the plan that was sent does not fit: plan 7: plan[0]")
    assert agent.taken_up == [["sent"]]


def test_a_kept_plan_that_does_not_fit_any_more_gives_way_and_comes_back(start, file, until):
    start().hear(message(plan=entry("sent", 'every_s = 600\nserver = "main"')))
    file.write_text(HEAD + entry("own"))
    agent = start()
    assert agent.at_start == ["own"]
    assert agent.wait_event("plan_refused")["problem"].startswith("plan 7: plan[0].server")
    assert agent.plan.answer().problem.startswith("plan 7: plan[0].server")
    file.write_text(OWN)
    agent.plan.read_again()
    until(lambda: agent.taken_up == [["sent"]], "it fits again")


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept[: len(kept) // 2],
        lambda _: b"",
        lambda kept: kept.replace(b"600", b"601"),
        lambda _: b"\0" * 4096,
    ],
)
def test_a_kept_plan_that_is_damaged_is_not_followed(start, file, damage):
    start().hear(message())
    kept = file.parent / "state" / NAME
    kept.write_bytes(damage(kept.read_bytes()))
    agent = start()
    assert agent.at_start == ["own"]
    assert agent.wait_event("plan_refused")["problem"].startswith(NAME)
    assert not agent.plan.answer().accepted
    assert agent.hear(message()).accepted, "it is sent again with each connection"


def test_a_key_that_was_taken_out_takes_its_plan_with_it(start, file):
    start().hear(message())
    file.write_text(OWN.replace(KEYS[0], public_key_of(STRANGER)))
    agent = start()
    assert agent.at_start == ["own"]
    assert agent.hear(message(1, key=STRANGER)).accepted


def test_a_plan_that_cannot_be_kept_is_not_followed(start, file):
    agent = start()
    (file.parent / "state").rename(file.parent / "gone")
    answer = agent.hear(message())
    assert answer.problem == "it cannot be kept: No such file or directory"
    assert agent.taken_up == []
    (file.parent / "gone").rename(file.parent / "state")
    assert agent.hear(message(8)).in_force


@pytest.mark.parametrize(
    "piece", ["[[plan]]\nname='{n}'\nactivity='scan'\nevery_s=9\n", "a" + ".a" * 490 + ".b{n}=1\n"]
)
def test_the_longest_plans_are_judged_in_seconds(own, tmp_path, piece):
    length = (MAX_BYTES - 1000) // (len(piece) + 8)
    plan = "".join(piece.format(n=n) for n in range(length))
    begin_s = time.monotonic()
    stand(own, believed(message(plan=plan)), folder=tmp_path, utc=NOW)
    assert time.monotonic() - begin_s < 10


def test_what_was_kept_says_the_same_to_whoever_looks(own, start, file):
    start().hear(message())
    standing = recall(own, folder=file.parent, utc=NOW)
    assert names(standing) == ["sent"]
    assert msgspec.structs.replace(standing.sent.message, signature=b"").number == 7
