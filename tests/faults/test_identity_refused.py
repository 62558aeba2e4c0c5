"""Fault 6, seen from the broker: a new certificate that it refuses, or takes."""

import time
from dataclasses import replace

import pytest

from agent.identity import Files, Trial, identities, install
from agent.publisher import Broker as Address
from agent.publisher import Publisher, Tls
from sim.broker import Broker
from sim.certificates import Authority
from tests.unit.agent.conftest import (
    PROBE,
    envelope,
    make,
    outbox,
    reports,
    supervise,
    until,
)
from tests.unit.agent.publisher.test_publisher import PACE, right_clock
from wire.control import Presence

__all__ = ["envelope", "make", "outbox", "reports", "supervise", "until"]

SOON = replace(PACE, refused_pause_s=0.05)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "tls")


@pytest.fixture
def broker(tmp_path, authority):
    with Broker(tmp_path / "broker", authority) as broker:
        yield broker


@pytest.fixture
def versions(tmp_path):
    return identities(tmp_path / "state")


@pytest.fixture
def give(versions, authority, tmp_path):
    """Install a certificate that `by` made; the broker's authority is believed as well."""
    both = tmp_path / "both.crt"

    def install_one(by):
        made = by.client(PROBE)
        pems = {authority.certificate.read_bytes(), by.certificate.read_bytes()}
        both.write_bytes(b"".join(sorted(pems)))
        files = Files(made.certificate, made.key, both)
        return install(versions, files, probe=PROBE, check_dates=True)

    return install_one


@pytest.fixture
def connect(broker, outbox, envelope, supervise, versions):
    """Start a publisher that shows the current certificate; what happened to it."""
    told = []

    def start():
        def record_event(name, *, severity="info", detail=None):
            told.append(name)
            return envelope.event(name, severity=severity, detail=detail)

        current = versions.folder / "current"
        tls = Tls(ca=current / "ca.pem", cert=current / "cert.pem", key=current / "key.pem")
        publisher = Publisher(
            probe=PROBE,
            broker=Address(host="localhost", port=broker.port, tls=tls),
            outbox=outbox,
            presence=lambda: Presence(probe=PROBE, online=True, epoch=outbox.epoch),
            record_event=record_event,
            clock=right_clock(),
            pace=SOON,
            delay_s=lambda _failures: 0.05,
            on_answer=Trial(versions, record_event).hear,
        )
        supervise(publisher.worker())
        return publisher, told

    return start


@pytest.mark.fault(6)
def test_a_certificate_that_the_broker_refuses_is_changed_back(
    *, give, connect, versions, authority, tmp_path, until, tally
):
    old = give(authority)
    new = give(Authority(tmp_path / "nobody-knows"))
    assert versions.standing()[:3] == (new, old, True)
    begun_s = time.monotonic()
    publisher, told = connect()
    until(lambda: "identity_confirmed" in told, "the old one is shown again")
    assert publisher.stats().connected
    assert versions.standing()[:3] == (old, new, False)
    assert [name for name in told if name.startswith("identity")] == [
        "identity_refused",
        "identity_confirmed",
    ]
    tally.tried(recovery_s=time.monotonic() - begun_s)


@pytest.mark.fault(6)
def test_a_certificate_that_the_broker_takes_is_kept(
    *, give, connect, versions, authority, until, tally
):
    give(authority)
    new = give(authority)
    begun_s = time.monotonic()
    publisher, told = connect()
    until(lambda: "identity_confirmed" in told, "it is taken")
    assert publisher.stats().connected
    assert versions.standing().current == new
    assert not versions.standing().on_trial
    assert "identity_refused" not in told
    tally.tried(recovery_s=time.monotonic() - begun_s)
