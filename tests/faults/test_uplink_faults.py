"""The link between probe and broker goes wrong: every accepted row is stored, once.

The probe's outbox and publisher, mosquitto with TLS and the collector's ingest are the real ones.
"""

import os
import shutil
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from agent.clock import Clock
from agent.publisher import Resolver, Tls
from agent.runtime.supervisor import back_off_s
from sim.proxy import Proxy
from tests.faults.delivering import (
    PACE,
    AnotherBoot,
    Centre,
    Probe,
    acknowledged_rows,
    right_clock,
    settle,
    until,
)

RECOVERY_S = 5.0
ROUNDS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "2"))


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    with Centre(tmp_path_factory.mktemp("centre")) as centre:
        yield centre


@pytest.fixture
def own_centre(tmp_path):
    """For tests that change the broker."""
    with Centre(tmp_path / "centre") as centre:
        yield centre


@pytest.fixture
def name(request):
    """Of a probe that no other test has."""
    return "p-" + "".join(filter(str.isalnum, request.node.name.lower()))[-40:]


@pytest.mark.fault(18)
@pytest.mark.alone
@pytest.mark.parametrize("out_s", [1.0, 12.0])
@pytest.mark.parametrize("failures_before", [0, 1000], ids=["fresh", "after a day"])
def test_a_black_hole_costs_nothing_but_its_time(
    *, centre, name, tmp_path, tally, out_s, failures_before
):
    def delay_s(failures):
        return back_off_s(failures + failures_before)

    with (
        Proxy(centre.broker.port) as uplink,
        Probe(name, tmp_path, centre.authority, port=uplink.port, delay_s=delay_s) as probe,
    ):
        probe.sow(20)
        until(probe.is_empty, "the first rows are delivered")
        uplink.go_black()
        until_s = time.monotonic() + out_s
        while time.monotonic() < until_s:
            probe.sow(5)
        stored = acknowledged_rows(probe)
        uplink.come_back()
        recovery_s = until(lambda: acknowledged_rows(probe) > stored, "a row is stored")
        settle(tally, centre, probe, recovery_s=recovery_s)
    assert recovery_s < RECOVERY_S


@pytest.mark.fault(19)
def test_a_flapping_uplink_makes_progress_in_every_window(*, centre, name, tmp_path, tally):
    with (
        Proxy(centre.broker.port) as uplink,
        Probe(name, tmp_path, centre.authority, port=uplink.port) as probe,
    ):
        until(lambda: probe.publisher.stats().connected, "the link")
        for _ in range(ROUNDS):
            uplink.go_black()
            probe.sow(20)
            threading.Event().wait(5)
            stored = acknowledged_rows(probe)
            uplink.come_back()
            until(
                lambda stored=stored: acknowledged_rows(probe) > stored, "progress", timeout_s=5.0
            )
        connections = probe.publisher.stats().connections
        settle(tally, centre, probe)
    assert connections <= 2 * ROUNDS + 1


class Stranger:
    """Somebody who answers on the broker's port at another address; keeps what he was told."""

    def __init__(self, port, answer):
        self.heard = b""
        self.calls = 0
        self._answer = answer
        self._stop = threading.Event()
        self._listener = socket.create_server((STRANGE, port), backlog=16)
        self._listener.settimeout(0.1)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._listener.close()

    def _run(self):
        while not self._stop.is_set():
            try:
                caller, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.calls += 1
            with caller:
                caller.settimeout(2.0)
                try:
                    self.heard += self._answer(caller) or b""
                except OSError:
                    continue


STRANGE = "127.0.0.2"


def redirects(caller):
    """A captive portal, also for who does not speak HTTP."""
    heard = caller.recv(4096)
    caller.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n")
    return heard


def resets(caller):
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs_up(caller):
    return caller.recv(4096)


def impersonator(authority):
    """Somebody with a certificate of our authority that is not for the broker's name."""
    identity = authority.client("impersonator")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)

    def answer(caller):
        with context.wrap_socket(caller, server_side=True) as tls:
            return tls.recv(4096)

    return answer


@pytest.mark.fault(23)
@pytest.mark.parametrize("answer", [redirects, resets, hangs_up], ids=lambda each: each.__name__)
def test_a_captive_portal_hears_nothing_of_ours_and_ends_unharmed(
    *, centre, name, tmp_path, tally, answer
):
    addresses = [STRANGE]
    resolver = Resolver("localhost", centre.broker.port, lookup=lambda *_: tuple(addresses))
    with (
        Stranger(centre.broker.port, answer) as portal,
        Probe(
            name, tmp_path, centre.authority, port=centre.broker.port, resolver=resolver
        ) as probe,
    ):
        probe.sow(30)
        until(lambda: portal.calls >= 3, "it is tried again")
        assert probe.publisher.stats().connections == 0
        assert name.encode() not in portal.heard
        addresses[:] = ["127.0.0.1"]
        recovery_s = until(lambda: acknowledged_rows(probe) > 0, "a row is stored")
        settle(tally, centre, probe, recovery_s=recovery_s)


@pytest.mark.fault(22)
@pytest.mark.parametrize("kind", ["dead", "slow", "lying"])
def test_without_name_servers_the_broker_is_found_where_it_was(
    *, centre, name, tmp_path, tally, kind
):
    port = centre.broker.port
    kept = tmp_path / "broker-address"
    Resolver("localhost", port, file=kept).worked("127.0.0.1")
    ends = threading.Event()

    def lookup(*_):
        if kind == "lying":
            return (STRANGE,)
        if kind == "slow":
            ends.wait(20)
        raise OSError("temporary failure in name resolution")

    with (
        Stranger(port, impersonator(centre.authority)) as liar,
        Probe(
            name,
            tmp_path,
            centre.authority,
            port=port,
            resolver=Resolver("localhost", port, lookup=lookup, file=kept),
        ) as probe,
    ):
        probe.sow(30)
        recovery_s = until(lambda: acknowledged_rows(probe) > 0, "a row is stored")
        assert liar.calls == (kind == "lying")
        assert name.encode() not in liar.heard
        settle(tally, centre, probe, recovery_s=recovery_s)
        ends.set()
    assert recovery_s < RECOVERY_S


@pytest.mark.fault(24)
def test_a_broker_that_may_not_take_it_is_told_of_and_asked_slowly(
    *, own_centre, name, tmp_path, tally
):
    access = own_centre.broker.folder / "acl"
    rules = access.read_text()
    own_centre.broker.kill()
    access.write_text(rules.replace("pattern write", "# pattern write"))
    own_centre.broker.start()
    with Probe(name, tmp_path, own_centre.authority, port=own_centre.broker.port) as probe:
        probe.sow(30)
        until(lambda: "refuses what we publish" in str(probe.alarms), "the alarm")
        assert acknowledged_rows(probe) == 0
        own_centre.broker.kill()
        access.write_text(rules)
        own_centre.broker.start()
        recovery_s = until(lambda: acknowledged_rows(probe) > 0, "a row is stored")
        settle(tally, own_centre, probe, recovery_s=recovery_s)


@pytest.mark.fault(24)
def test_a_broker_that_lets_nobody_in_is_not_hammered(*, own_centre, name, tmp_path, tally):
    configuration = own_centre.broker.folder / "mosquitto.conf"
    rules = configuration.read_text()
    own_centre.broker.kill()
    configuration.write_text(rules.replace("require_certificate true", "require_certificate false"))
    own_centre.broker.start()
    authority = own_centre.authority
    with Probe(
        name,
        tmp_path,
        authority,
        port=own_centre.broker.port,
        tls=Tls(ca=authority.certificate),
        pace=replace(PACE, refused_pause_s=600.0),
    ) as stranger:
        until(lambda: stranger.alarms, "the alarm")
        assert "refuses the connection" in stranger.alarms[0]
        tally.tried()
        stranger.sow(1)
        assert not stranger.publisher.stats().connected


@pytest.mark.fault(30)
def test_two_probes_of_one_name_do_not_throw_each_other_out_without_end(
    *, centre, name, tmp_path, tally
):
    pause_s = 3.0
    options = {
        "port": centre.broker.port,
        "pace": replace(PACE, refused_pause_s=pause_s),
        "delay_s": lambda _: 0.1,
    }
    with (
        Probe(name, tmp_path / "one", centre.authority, **options) as one,
        Probe(name, tmp_path / "two", centre.authority, **options) as two,
    ):
        until(lambda: one.alarms or two.alarms, "the alarm")
        before = sum(probe.publisher.stats().connections for probe in (one, two))
        windows = 4
        for _ in range(windows):
            one.sow(5)
            two.sow(5)
            threading.Event().wait(pause_s)
        takeovers = sum(probe.publisher.stats().connections for probe in (one, two)) - before
        assert "does another probe call itself" in str(one.alarms + two.alarms)
        # The other one may come to its own conclusion in the first of them.
        assert takeovers <= windows + 6
        settle(tally, centre, one, two)


@pytest.mark.fault(30)
def test_a_cloned_card_costs_neither_probe_a_row(*, centre, name, tmp_path, tally):
    options = {
        "port": centre.broker.port,
        "pace": replace(PACE, refused_pause_s=1.0),
        "delay_s": lambda _: 0.1,
    }
    with Probe(name, tmp_path / "one", centre.authority, **options) as probe:
        probe.sow(40)
        until(probe.is_empty, "the first rows are delivered")
    shutil.copytree(tmp_path / "one", tmp_path / "two")

    def boot(folder, sown):
        clock = right_clock(AnotherBoot())
        return Probe(name, tmp_path / folder, centre.authority, sown=sown, clock=clock, **options)

    with boot("one", 1000) as one, boot("two", 2000) as two:
        for _ in range(4):
            one.sow(10)
            two.sow(10)
        for each in (one, two):
            until(each.is_empty, "it is drained")
        assert one.outbox.epoch != two.outbox.epoch
    stored = Counter(centre.cells(name))
    sown = {*range(1, 41), *range(1001, 1041), *range(2001, 2041)}
    lost, twice = len(sown - set(stored)), stored.total() - len(stored)
    tally.tried(rows=len(sown), lost=lost, duplicates=twice)
    assert (lost, twice) == (0, 0)


@contextmanager
def changed(*files):
    """Files that have their old content again afterwards."""
    before = [file.read_bytes() for file in files]
    try:
        yield
    finally:
        for file, content in zip(files, before, strict=True):
            file.write_bytes(content)


def issue(authority, identity, *hosts, **dates):
    """Another certificate in the place of a file's."""
    issued = authority._authority.issue_cert(*hosts, common_name=identity.certificate.stem, **dates)
    identity.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    identity.key.write_bytes(issued.private_key_pem.bytes())


EXPIRED = {
    "not_before": datetime.now(UTC) - timedelta(days=9),
    "not_after": datetime.now(UTC) - timedelta(days=2),
}
EARLY = {
    "not_before": datetime.now(UTC) + timedelta(days=2),
    "not_after": datetime.now(UTC) + timedelta(days=9),
}


@pytest.mark.fault(32)
@pytest.mark.parametrize("dates", [EXPIRED, EARLY], ids=["expired", "not yet valid"])
def test_a_probe_whose_certificate_is_refused_says_so_and_goes_on_with_a_new_one(
    *, centre, name, tmp_path, tally, dates
):
    with Probe(
        name,
        tmp_path,
        centre.authority,
        port=centre.broker.port,
        pace=replace(PACE, refused_pause_s=1.0),
    ) as probe:
        until(lambda: probe.publisher.stats().connected, "the link")
        with changed(*probe.identity):
            issue(centre.authority, probe.identity, name, **dates)
            centre.broker.kill()
            centre.broker.start()
            probe.sow(30)
            until(lambda: "does not accept our certificate" in str(probe.alarms), "the alarm")
        recovery_s = until(lambda: acknowledged_rows(probe) > 0, "a row is stored")
        settle(tally, centre, probe, recovery_s=recovery_s)


@pytest.mark.fault(32)
def test_a_revoked_probe_says_so_and_keeps_its_rows(*, own_centre, name, tmp_path, tally):
    authority = own_centre.authority
    configuration = own_centre.broker.folder / "mosquitto.conf"
    with Probe(
        name,
        tmp_path,
        authority,
        port=own_centre.broker.port,
        pace=replace(PACE, refused_pause_s=1.0),
    ) as probe:
        until(lambda: probe.publisher.stats().connected, "the link")
        own_centre.broker.kill()
        revoked = own_centre.broker.folder / "revoked.crl"
        revoked.write_bytes(revocation_of(authority, probe.identity.certificate))
        rules = configuration.read_text()
        configuration.write_text(f"{rules}crlfile {revoked}\n")
        own_centre.broker.start()
        probe.sow(30)
        until(lambda: "does not accept our certificate" in str(probe.alarms), "the alarm")
        assert acknowledged_rows(probe) == 0
        own_centre.broker.kill()
        configuration.write_text(rules)
        own_centre.broker.start()
        recovery_s = until(lambda: acknowledged_rows(probe) > 0, "a row is stored")
        settle(tally, own_centre, probe, recovery_s=recovery_s)


def revocation_of(authority, certificate):
    """A list of the authority that names one certificate."""
    serial = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
    now = datetime.now(UTC)
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(serial)
        .revocation_date(now - timedelta(days=1))
        .build()
    )
    parent = authority._authority
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(parent._certificate.subject)
        .last_update(now - timedelta(days=1))
        .next_update(now + timedelta(days=1))
        .add_revoked_certificate(entry)
        .sign(parent._private_key, hashes.SHA256())
    )
    return revoked.public_bytes(Encoding.PEM)


@pytest.mark.fault(32)
@pytest.mark.parametrize("dates", [EXPIRED, EARLY], ids=["expired", "not yet valid"])
@pytest.mark.parametrize("clock", ["right", "unknown"])
def test_a_broker_out_of_date_gets_no_row_whether_the_time_is_known_or_not(
    *, own_centre, name, tmp_path, tally, dates, clock
):
    authority, broker = own_centre.authority, own_centre.broker
    identity = authority.server()
    with changed(*identity):
        issue(authority, identity, "localhost", "127.0.0.1", **dates)
        broker.kill()
        broker.start()
        own = {} if clock == "right" else {"clock": Clock()}
        pace = replace(PACE, refused_pause_s=1.0)
        with Probe(name, tmp_path, authority, port=broker.port, pace=pace, **own) as probe:
            probe.sow(30)
            if clock == "right":
                until(lambda: probe.alarms, "the alarm")
                assert "the broker's certificate is not accepted" in probe.alarms[0]
            else:
                until(lambda: probe.publisher.stats().limited, "it asks for the time only")
                learned = probe.clock
                learned.anchor_by_gps(datetime.now(UTC), mono_ns=learned.mono_ns(), err_s=0.1)
                until(lambda: "is not valid at the time we know now" in str(probe.alarms), "told")
            assert acknowledged_rows(probe) == 0
            tally.tried(rows=30)
