"""`dosong-collector plan`: a key, a signature, a retained message, and the probe's answer."""

import contextlib
import json
import threading
import tomllib
from datetime import UTC, datetime

import msgspec
import pytest

from agent.config import Tables
from collector.cli import main
from collector.config import ConfigError, Mqtt, load
from collector.ingest.link import LinkError
from collector.ingest.visit import Visit
from sim.certificates import PLANNER, files
from wire import topics
from wire.control import PlanAnswer, Presence
from wire.signature import is_signed, new_secret_key, public_key_of
from wire.signed_plan import MAX_BYTES, TABLES, decode_plan, digest, signed_bytes

from .conftest import TIMEOUT_S

PROBE = "dn-01"
PLAN = '[[plan]]\nname = "quét"\nactivity = "scan"\nevery_s = 600\n'


@pytest.fixture
def plan(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    return file


@pytest.fixture
def key(tmp_path):
    file = tmp_path / "plan.key"
    file.touch(0o600)
    file.write_text(new_secret_key())
    return file


def dry_run(capsys, *arguments):
    assert main(["plan", *map(str, arguments), "--dry-run"]) == 0
    return decode_plan(capsys.readouterr().out.removesuffix("\n").encode())


def test_a_key_is_for_its_owner_alone_and_never_replaced(tmp_path, capsys):
    file = tmp_path / "plan.key"
    assert main(["plan", "keygen", "--to", str(file)]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    secret = file.read_text()
    told = capsys.readouterr().out
    assert tomllib.loads(told) == {"plan_updates": {"public_keys": [public_key_of(secret)]}}
    assert secret.strip() not in told
    assert main(["plan", "keygen", "--to", str(file)]) == 1
    assert file.read_text() == secret


def test_what_is_sent_is_signed_and_says_until_when(plan, key, capsys):
    until = ("--valid-until", "2026-12-31T00:00+07:00")
    message = dry_run(capsys, "send", PROBE, plan, "--key", key, *until)
    assert message.plan == PLAN
    assert message.valid_until_utc == datetime(2026, 12, 30, 17, tzinfo=UTC)
    assert is_signed(signed_bytes(message), message.signature, (public_key_of(key.read_text()),))
    assert str(message.number) == f"{message.made_utc:%Y%m%d%H%M%S}"


def test_a_plan_is_withdrawn_by_an_empty_one(key, capsys):
    message = dry_run(capsys, "withdraw", PROBE, "--key", key, "--number", 8)
    assert (message.plan, message.number, message.valid_until_utc) == ("", 8, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[plan]", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
        ("# nothing", "has no plan"),
        ('probe = "dn-01"\n' + PLAN, "'probe' cannot be sent; only server, area, plan"),
        ("#" * 1001 + "\n" + PLAN, "a line of the plan is longer than 1000"),
        ("#\n" * MAX_BYTES, "longer than 262144 bytes"),
    ],
)
def test_what_no_probe_would_take_is_not_signed(plan, key, capsys, text, says):
    plan.write_text(text)
    assert main(["plan", "send", PROBE, str(plan), "--key", str(key), "--dry-run"]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", str(1 << 53)])
def test_a_number_that_cannot_be_is_not_signed(key, capsys, number):
    arguments = ["withdraw", PROBE, "--key", str(key), "--number", number, "--dry-run"]
    assert main(["plan", *arguments]) == 1
    assert "number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.chmod(0o640), "others may read it: chmod 600"),
        (lambda file: file.write_text("no key"), "no secret key"),
        (lambda file: file.unlink(), "No such file"),
    ],
)
def test_a_key_that_is_none_or_not_secret_is_named(key, capsys, spoil, says):
    spoil(key)
    assert main(["plan", "withdraw", PROBE, "--key", str(key), "--dry-run"]) == 1
    assert says in capsys.readouterr().err


def test_a_time_without_a_zone_is_no_time(plan, key):
    with pytest.raises(SystemExit):
        main(["plan", "send", PROBE, str(plan), "--key", str(key), "--valid-until", "2026-12-31"])


def test_a_probe_takes_the_tables_that_can_be_sent():
    assert Tables.__struct_fields__ == TABLES


def test_the_collectors_own_certificate_sends_no_plans(tmp_path, keys):
    identity = files(keys, PLANNER)
    file = tmp_path / "collector.toml"
    tls = (
        f'ca_file = "{keys / "ca.crt"}"\ncert_file = "{identity.certificate}"\n'
        f'key_file = "{identity.key}"\n'
    )
    file.write_text(f"[mqtt]\n{tls}")
    with pytest.raises(ConfigError, match=r"plans\.cert_file: is needed"):
        _ = load(file).planner
    file.write_text("[mqtt]\nhost = 'broker.example'\nusername = 'collector'\n")
    assert load(file).planner == Mqtt(
        host="broker.example", client_id="dosong-planner", username="collector"
    )


@pytest.fixture
def identity(broker, keys):
    """How somebody connects to the broker."""

    def identity(name):
        own = files(keys, name)
        return Mqtt(
            port=broker.port,
            ca_file=keys / "ca.crt",
            cert_file=own.certificate,
            key_file=own.key,
        )

    return identity


@pytest.fixture
def config(tmp_path, keys, identity):
    planner, collector = files(keys, PLANNER), identity("collector")
    file = tmp_path / "collector.toml"
    file.write_text(
        f'[mqtt]\nport = {collector.port}\nca_file = "{collector.ca_file}"\n'
        f'cert_file = "{collector.cert_file}"\nkey_file = "{collector.key_file}"\n'
        f'[plans]\ncert_file = "{planner.certificate}"\nkey_file = "{planner.key}"\n'
    )
    return file


@contextlib.contextmanager
def probe_that_says(identity, answers):
    """Gives each plan it hears to `answers`, and publishes what that says."""
    with Visit(identity(PROBE), topic=topics.plan(PROBE)) as link:

        def listen():
            payload = link.hear(TIMEOUT_S)
            for answer in answers(payload):
                link.deliver(topics.status(PROBE), msgspec.json.encode(answer))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield link
        finally:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()


def presence(**answer):
    return Presence(probe=PROBE, online=True, plan=PlanAnswer(**answer))


def test_the_answer_to_this_very_message_is_waited_for(config, plan, key, identity, capsysbinary):
    def answers(payload):
        message = decode_plan(payload)
        yield Presence(probe=PROBE, online=True)
        yield presence(digest="0123456789abcdef", number=message.number, accepted=True)
        yield presence(
            digest=digest(payload),
            number=message.number,
            accepted=False,
            problem="plan 99: plan[0].evry_s: unknown key",
        )

    arguments = ["send", PROBE, str(plan), "--key", str(key), "--config", str(config), "--json"]
    with probe_that_says(identity, answers):
        code = main(["plan", *arguments])
    answer = json.loads(capsysbinary.readouterr().out)["answer"]
    assert answer["problem"] == "plan 99: plan[0].evry_s: unknown key"
    assert code == 1


def test_the_next_number_is_above_the_last_that_the_probe_accepted(
    config, plan, key, identity, capsys
):
    last = 99_990_101_000_000
    with Visit(identity(PROBE), topic=topics.plan(PROBE)) as link:
        known = presence(digest="0" * 16, accepted=True, accepted_number=last)
        link.deliver(topics.status(PROBE), msgspec.json.encode(known))

    def answers(payload):
        number = decode_plan(payload).number
        yield presence(
            digest=digest(payload),
            number=number,
            accepted=True,
            accepted_number=number,
            in_force=True,
        )

    arguments = ["send", PROBE, str(plan), "--key", str(key), "--config", str(config)]
    with probe_that_says(identity, answers):
        assert main(["plan", *arguments]) == 0
    assert f"accepted, number {last + 1}. It is in force." in capsys.readouterr().out


def test_a_plan_for_a_probe_that_is_away_is_kept_by_the_broker(config, key, identity, capsys):
    arguments = ["withdraw", PROBE, "--key", str(key), "--config", str(config), "--wait", "0.1"]
    assert main(["plan", *arguments]) == 1
    assert "the broker keeps it until the probe comes" in capsys.readouterr().out
    with Visit(identity(PROBE), topic=topics.plan(PROBE)) as link:
        assert decode_plan(link.hear(TIMEOUT_S)).plan == ""


def test_who_may_not_send_plans_is_told_so(identity):
    with (
        Visit(identity("dn-02"), topic=topics.status("dn-02")) as link,
        pytest.raises(LinkError, match="the broker refuses the message: Not authorized"),
    ):
        link.deliver(topics.plan(PROBE), b"{}")


def test_a_broker_that_is_not_there_is_named(config, key, broker, capsys):
    broker.kill()
    arguments = ["withdraw", PROBE, "--key", str(key), "--config", str(config)]
    assert main(["plan", *arguments]) == 1
    assert "refused" in capsys.readouterr().err
