import threading
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from sim.fleet.delivery import Delivery, DeliveryError, Tally
from sim.parts import wait_until
from wire.control import Presence
from wire.kinds import event
from wire.messages import Measurement, Outcome

TIMEOUT_S = 20.0
EPOCHS = {"dn-01": uuid4(), "dn-02": uuid4()}
BOOT = uuid4()


def rows(probe: str, first: int, last: int) -> list[Measurement[event.Payload]]:
    return [
        Measurement(
            probe=probe,
            epoch=EPOCHS[probe],
            seq=seq,
            kind="event",
            schema=event.SCHEMA,
            boot_id=BOOT,
            mono_ns=seq,
            utc=datetime(2026, 10, 1, tzinfo=UTC),
            outcome=Outcome.OK,
            software="test",
            payload=event.Payload(name="test"),
        )
        for seq in range(first, last + 1)
    ]


def delivery(broker, authority, **options) -> Delivery:
    return Delivery(broker.port, authority.certificate.parent, EPOCHS.items(), **options)


def test_what_is_sent_is_stored_and_acknowledged(broker, authority, collector):
    with delivery(broker, authority) as sending:
        for first in (1, 11, 21):
            for probe in EPOCHS:
                sending.send(rows(probe, first, first + 9))
        sending.drain()
        assert sending.open_batches == 0
        assert sending.tallies()["dn-02"] == Tally(30, 30, 0, 0)
    assert len(collector.rows) == 60
    assert (EPOCHS["dn-01"], 11, 20) in collector.batches


def test_a_lost_batch_is_sent_again(broker, authority, collector):
    collector.ignored_batches = 1
    with delivery(broker, authority, resend_after_s=0.3) as sending:
        sending.send(rows("dn-01", 1, 10))
        sending.send(rows("dn-01", 11, 20))
        sending.drain()
        assert sending.tallies()["dn-01"].resent_batches >= 1
    assert {seq for _, _, seq in collector.rows} == set(range(1, 21))


def test_a_rejected_record_is_not_waited_for(broker, authority, collector):
    collector.rejected = ((3, 3), (5, 10))
    with delivery(broker, authority) as sending:
        sending.send(rows("dn-01", 1, 10))
        sending.drain()
        assert sending.tallies()["dn-01"].rejected == 7


def test_without_a_collector_sending_ends_with_an_error(broker, authority):
    with delivery(broker, authority, stall_timeout_s=0.5) as sending:
        sending.send(rows("dn-01", 1, 10))
        with pytest.raises(DeliveryError, match="collector") as caught:
            sending.drain()
    assert caught.value.open_batches == 1


def test_what_nobody_heard_is_sent_again_soon(broker, authority, start_collector):
    with delivery(broker, authority) as sending:
        sending.send(rows("dn-01", 1, 10))
        wait_until(lambda: not sending._heard.empty(), "the broker's word", TIMEOUT_S)
        collector = start_collector()
        started = time.monotonic()
        sending.drain()
        assert time.monotonic() - started < 10
        assert len(collector.rows) == 10


def test_a_full_window_holds_the_sender_back(broker, authority, collector):
    collector.ignored_batches = 2
    with delivery(broker, authority, window_batches=2, resend_after_s=1.0) as sending:
        started = time.monotonic()
        for seq in range(1, 4):
            sending.send(rows("dn-01", seq, seq))
            assert sending.open_batches <= 2
        assert time.monotonic() - started > 0.9
        sending.drain()
    assert len(collector.rows) == 3


def test_a_gap_in_seq_is_refused(broker, authority):
    with delivery(broker, authority) as sending, pytest.raises(ValueError, match="does not follow"):
        sending.send(rows("dn-01", 2, 3))


def test_a_killed_broker_loses_nothing(broker, authority, collector):
    with delivery(broker, authority, resend_after_s=1.0) as sending:
        sending.send(rows("dn-01", 1, 10))
        sending.drain()
        broker.kill()
        sending.send(rows("dn-01", 11, 20))
        again = threading.Timer(0.5, broker.start)
        again.start()
        sending.drain()
        again.join()
    assert len(collector.rows) == 20


def test_presence_says_how_much_was_made(broker, authority, collector):
    with delivery(broker, authority) as sending:
        sending.announce(Presence(probe="dn-01", online=True, epoch=UUID(int=7), made=1234))
        wait_until(lambda: "dn-01" in collector.presence, "presence", TIMEOUT_S)
    assert collector.presence["dn-01"].made == 1234


def test_a_broker_that_is_away_is_an_error_with_names(broker, authority):
    sending = Delivery(broker.port, authority.certificate.parent, [("dn-01", uuid4())])
    broker.kill()
    try:
        with pytest.raises(DeliveryError, match="dn-01 cannot connect"):
            sending.connect(timeout_s=0.5)
    finally:
        sending.close()
