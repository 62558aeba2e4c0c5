"""A technician is told which plan is followed, in his language, and why not the one sent."""

import json
from datetime import UTC, datetime

import pytest

from agent.cli import main
from agent.commands._sent_plan import answered
from agent.remote_plan import NAME
from agent.words import Words
from wire.control import PlanAnswer
from wire.signature import new_secret_key, public_key_of
from wire.signed_plan import SignedPlan, encode_plan, signed

NOW = datetime(2026, 12, 1, 5, tzinfo=UTC)
SECRET = new_secret_key()
IN_FORCE = {"accepted_number": 7, "in_force": True}


@pytest.fixture(params=["vi_VN.UTF-8", "en_US.UTF-8"])
def language(request, monkeypatch):
    monkeypatch.setenv("LC_ALL", request.param)
    return request.param[:2]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, [("trong cấu hình", "of the configuration is followed")]),
        (
            PlanAnswer(number=7, accepted=True, in_force_until_utc=NOW, **IN_FORCE),
            [("số 7, đến 2026-12-01 05:00 UTC", "number 7, until 2026-12-01 05:00 UTC")],
        ),
        (
            PlanAnswer(number=8, accepted=False, problem="it is not signed", **IN_FORCE),
            [
                ("số 7, cho đến khi được rút lại", "number 7, until it is withdrawn"),
                ("(số 8) bị từ chối: it is", "(number 8) was refused: it is not signed"),
            ],
        ),
        (
            PlanAnswer(accepted=False, problem="unreadable"),
            [("trong cấu hình", "is followed"), ("số chưa rõ", "number unknown")],
        ),
        (
            PlanAnswer(number=7, accepted=False, problem="no server", accepted_number=7),
            [("trong cấu hình", "is followed"), ("không dùng được: no", "cannot be used: no")],
        ),
    ],
)
def test_which_plan_is_followed_is_said_in_both_languages(language, answer, says):
    sentences = list(answered(answer, Words(language)))
    assert len(sentences) == len(says)
    for sentence, (vietnamese, english) in zip(sentences, says, strict=True):
        assert (vietnamese if language == "vi" else english) in sentence


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "probe.toml"
    file.write_text(
        f'probe = "dn-01"\nstate_dir = "state"\n'
        f'[plan_updates]\npublic_keys = ["{public_key_of(SECRET)}"]\n'
        f'[[modem]]\nname = "viettel"\nport = "nobody"\n'
        f'[[plan]]\nname = "own"\nactivity = "scan"\nevery_s = 3600\n'
    )
    (tmp_path / "state").mkdir()
    return file


def keep(config, plan):
    message = SignedPlan(probe="dn-01", number=7, made_utc=NOW, plan=plan)
    (config.parent / "state" / NAME).write_bytes(encode_plan(signed(message, SECRET)))


SENT = '[[plan]]\nname = "sent"\nactivity = "scan"\nevery_s = 600\n'


def test_the_plan_that_is_shown_is_the_one_in_force(config, capsys):
    keep(config, SENT)
    assert main(["plan", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "The plan that was sent is followed, number 7, until it is withdrawn." in shown
    assert "every 600 s" in shown
    assert "every 3600 s" not in shown
    assert main(["plan", "--own", "--json", "--config", str(config)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["sent"], answer["plans"][0]["plan"]) == (None, "own")


def test_check_config_says_that_something_else_is_followed(config, capsys):
    assert main(["check-config", str(config)]) == 0
    assert "that was sent" not in capsys.readouterr().out
    keep(config, SENT)
    assert main(["check-config", str(config)]) == 0
    assert "The plan that was sent is followed, number 7" in capsys.readouterr().out
    keep(config, SENT + "modems = ['x']")
    assert main(["check-config", str(config)]) == 0
    assert "cannot be used: plan 7: plan[0].modems: no modem 'x'" in capsys.readouterr().out


def test_what_may_not_be_looked_at_is_not_guessed(config, capsys):
    (config.parent / "state" / NAME).mkdir()
    assert main(["check-config", str(config), "--json"]) == 0
    sent = json.loads(capsys.readouterr().out)["sent"]
    assert sent["problem"].endswith(f"{NAME}: Is a directory")
    assert (sent["number"], sent["in_force"]) == (None, False)
