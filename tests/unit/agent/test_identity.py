import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from agent.cli import main
from agent.identity import REFUSALS, Files, Trial, UnfitError, check, identities, install
from agent.publisher.errors import DistrustError, LinkLostError, RefusedError
from sim.certificates import Authority

PROBE = "dn-01"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "tls")


@pytest.fixture
def issue(authority, tmp_path):
    """Another certificate of a probe; gives its files."""
    made = iter(range(100))

    def give(name=PROBE, by=authority):
        identity = by.client(name)
        folder = tmp_path / f"given-{next(made)}"
        folder.mkdir()
        for file in (*identity, by.certificate):
            shutil.copy(file, folder)
        return Files(
            folder / identity.certificate.name, folder / identity.key.name, folder / "ca.crt"
        )

    return give


@pytest.fixture
def versions(tmp_path):
    return identities(tmp_path / "state")


def put(versions, files):
    return install(versions, files, probe=PROBE, check_dates=True)


def test_an_identity_is_shown_below_one_path_for_ever(versions, issue):
    first, second = issue(), issue()
    put(versions, first)
    assert (versions.folder / "current" / "cert.pem").read_bytes() == first.cert.read_bytes()
    name = put(versions, second)
    current = versions.folder / "current"
    assert (current / "cert.pem").read_bytes() == second.cert.read_bytes()
    assert (current / "key.pem").read_bytes() == second.key.read_bytes()
    assert (current / "ca.pem").read_bytes() == second.ca.read_bytes()
    assert (current / "key.pem").stat().st_mode & 0o777 == 0o600
    assert versions.standing()[0::2] == (name, True)
    put(versions, second)
    assert len(versions.names()) == 2


def test_old_keys_do_not_pile_up(versions, issue):
    for _ in range(4):
        put(versions, issue())
        versions.confirm_current()
    assert len(versions.names()) == 2


def test_key_and_certificate_belong_together(issue):
    one, other = issue(), issue()
    with pytest.raises(UnfitError, match="key values mismatch"):
        check(one._replace(key=other.key), probe=PROBE, check_dates=True)


def test_the_certificate_is_the_probes_own(issue):
    with pytest.raises(UnfitError, match="names dn-02, and the probe is dn-01"):
        check(issue("dn-02"), probe=PROBE, check_dates=True)


def test_the_certificate_is_of_the_authority(issue, tmp_path):
    stranger = Authority(tmp_path / "strange")
    with pytest.raises(UnfitError, match="is not believed by"):
        check(issue(by=stranger)._replace(ca=issue().ca), probe=PROBE, check_dates=True)


@pytest.mark.parametrize("file", Files._fields)
def test_what_is_no_certificate_is_named(issue, file):
    files = issue()
    broken = getattr(files, file)
    broken.write_text("nothing")
    with pytest.raises(UnfitError, match=broken.name):
        check(files, probe=PROBE, check_dates=True)
    broken.unlink()
    with pytest.raises(UnfitError, match=broken.name):
        check(files, probe=PROBE, check_dates=True)


def test_only_a_clock_that_is_right_judges_dates(issue):
    files = issue()
    end = datetime.now(UTC) - timedelta(days=1)
    expired = trustme.CA()
    made = expired.issue_cert(PROBE, common_name=PROBE, not_after=end)
    files.cert.write_bytes(made.cert_chain_pems[0].bytes())
    files.key.write_bytes(made.private_key_pem.bytes())
    files.ca.write_bytes(expired.cert_pem.bytes())
    check(files, probe=PROBE, check_dates=False)
    with pytest.raises(UnfitError, match="certificate has expired"):
        check(files, probe=PROBE, check_dates=True)


@pytest.fixture
def told():
    return []


@pytest.fixture
def trial(versions, issue, told):
    """Of a second certificate, while the first one worked."""
    put(versions, issue())
    versions.confirm_current()
    put(versions, issue())
    return Trial(versions, lambda name, **more: told.append((name, more["severity"])))


def test_a_new_identity_is_kept_once_the_broker_took_it(versions, trial, told):
    new = versions.standing().current
    trial.hear(RefusedError("not authorised"))
    trial.hear(None)
    trial.hear(None)
    for _ in range(2 * REFUSALS):
        trial.hear(RefusedError("not authorised"))
    assert versions.standing().current == new
    assert told == [("identity_confirmed", "info")]


@pytest.mark.parametrize("refusal", [RefusedError, DistrustError])
def test_what_the_broker_refuses_is_gone_back_from_and_tried_again_when_that_is_too(
    versions, trial, told, refusal
):
    new, old, *_ = versions.standing()
    for _ in range(REFUSALS):
        assert versions.standing().current == new
        trial.hear(refusal("unknown ca"))
    assert versions.standing().current == old
    for _ in range(REFUSALS):
        trial.hear(refusal("revoked"))
    assert versions.standing().current == new
    trial.hear(None)
    assert not versions.standing().on_trial
    assert [name for name, _ in told] == ["identity_refused"] * 2 + ["identity_confirmed"]


def test_a_dead_link_says_nothing_of_a_certificate(versions, trial, told):
    before = versions.standing()
    for _ in range(3 * REFUSALS):
        trial.hear(LinkLostError("timed out"))
    assert versions.standing() == before
    assert told == []


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "state").mkdir()
    file = tmp_path / "probe.toml"
    file.write_text(f'probe = "{PROBE}"\nstate_dir = "state"\nrun_dir = "run"\n')
    return file


def test_the_command_installs_and_says_where_the_files_are(config, issue, versions, capsys):
    files = issue()
    arguments = ["identity", "install", "--config", str(config)]
    pair = ["--cert", str(files.cert), "--key", str(files.key)]
    assert main([*arguments, *pair]) == 1
    assert "needs --ca" in capsys.readouterr().err
    assert main([*arguments, *pair, "--ca", str(files.ca)]) == 0
    said = capsys.readouterr().out
    assert "Put into [uplink] of the configuration" in said
    assert f'cert = "{versions.folder}/current/cert.pem"' in said
    current = versions.folder / "current"
    with config.open("a") as file:
        file.write(f'[uplink]\nhost = "localhost"\nca = "{current}/ca.pem"\n')
        file.write(f'cert = "{current}/cert.pem"\nkey = "{current}/key.pem"\n')
    new = issue()
    assert main([*arguments, "--cert", str(new.cert), "--key", str(new.key)]) == 0
    assert "[uplink]" not in capsys.readouterr().out
    other = issue("dn-02")
    assert main([*arguments, "--cert", str(other.cert), "--key", str(other.key)]) == 1
    assert "the probe is dn-01" in capsys.readouterr().err
    assert (current / "key.pem").read_bytes() == new.key.read_bytes()


def test_nobody_leaves_a_key_that_the_agent_cannot_read(config, issue, monkeypatch, capsys):
    files = issue()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    arguments = ["--cert", str(files.cert), "--key", str(files.key), "--ca", str(files.ca)]
    assert main(["identity", "install", "--config", str(config), *arguments]) == 1
    assert "run this as that user" in capsys.readouterr().err
