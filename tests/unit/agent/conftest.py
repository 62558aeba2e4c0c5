"""A real broker, a tiny collector that acknowledges, and records to deliver."""

import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.clock import Clock, NtpState
from agent.outbox import Limits, Outbox
from agent.recorder import Envelope
from agent.runtime import Supervisor
from sim.broker import Broker
from sim.certificates import COLLECTOR, Authority
from wire import topics
from wire.codec import decode_record, unpack
from wire.control import Ack, Presence, TimeAsked, TimeTold
from wire.kinds import event, position, radio
from wire.messages import Position

DEADLINE_S = 20.0
PROBE = "dn-01"


class FakeTime:
    """Clocks that move when told to."""

    def __init__(self):
        self.elapsed_s = 0.0
        self.wall_time = datetime(2020, 1, 1, tzinfo=UTC)
        self.ntp_state = NtpState(synchronised=False, max_error_s=16.0)

    def pass_s(self, seconds):
        self.elapsed_s += seconds
        self.wall_time += timedelta(seconds=seconds)

    def boot_id(self):
        return UUID(int=7)

    def mono_ns(self):
        return int(self.elapsed_s * 1e9)

    def wall(self):
        return self.wall_time

    def ntp(self):
        return self.ntp_state


@pytest.fixture
def fake_time():
    return FakeTime()


@pytest.fixture
def until():
    """Wait for what another thread does, with a deadline."""

    def wait(condition, what, timeout_s=DEADLINE_S):
        deadline_s = time.monotonic() + timeout_s
        pause = threading.Event()
        while not condition():
            assert time.monotonic() < deadline_s, f"not in time: {what}"
            pause.wait(0.01)

    return wait


@pytest.fixture
def envelope():
    return Envelope(probe=PROBE, software="test", stamp=Clock().stamp, position=Position)


@pytest.fixture
def make(envelope):
    """Records of a kind, told apart by a number in them."""

    def record(kind="radio", number=0):
        match kind:
            case "radio":
                payload = radio.Payload(mode="lte", temperature_c=number)
            case "position":
                payload = position.Payload(satellites_used=number)
            case "event":
                payload = event.Payload(name="test", detail={"number": number})
            case _:
                payload = None
        return envelope.around(kind, payload)

    return record


class Reports:
    """What a supervisor had to report."""

    def __init__(self):
        self.restarts = []
        self.stalls = []


@pytest.fixture
def reports():
    return Reports()


@pytest.fixture
def supervise(reports):
    """Run workers for the length of a test; all of them have to stop at its end."""
    supervisors = []

    def start(*workers, **options):
        supervisor = Supervisor(
            on_restart=reports.restarts.append, on_stall=reports.stalls.append, **options
        )
        supervisor.start(workers)
        supervisors.append(supervisor)
        return supervisor

    yield start
    assert [supervisor.stop(DEADLINE_S) for supervisor in supervisors] == [()] * len(supervisors)


@pytest.fixture
def outbox(tmp_path, envelope, supervise):
    """A running outbox that commits quickly."""
    outbox = Outbox(tmp_path / "outbox.db", make_event=envelope.event, limits=Limits(commit_s=0.02))
    supervise(outbox.worker())
    return outbox


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    for name in (PROBE, "dn-02", COLLECTOR):
        authority.client(name)
    return authority


@pytest.fixture
def broker(tmp_path, authority):
    with Broker(tmp_path / "broker", authority) as broker:
        yield broker


class TinyCollector:
    """Stores in memory and acknowledges each batch; can be told to misbehave."""

    def __init__(self, port, context):
        self.rows = {}
        """Epoch to `seq` to record."""
        self.deliveries = []
        """`(epoch, seq)` of every row of every batch, in order."""
        self.batches = []
        """Batch id and number of lines of every batch."""
        self.presence = []
        self.asked_time = []
        self.tells_time = True
        self.silent = False
        """Stores, and says nothing: as if the acknowledgement was lost."""
        self.refuses = frozenset()
        """Numbers of records whose key it pretends not to be able to read."""
        self.rejects = frozenset()
        """Numbers of records that it reads but quarantines."""
        self.connected = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.tls_set_context(context)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self.connected.set()
        self._client.on_disconnect = lambda *_: self.connected.clear()
        self._client.on_message = self._on_message
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic, payload):
        self._client.publish(topic, payload, 1)

    def _on_connect(self, client, *_):
        client.subscribe(
            [
                (topic, SubscribeOptions(1))
                for topic in (topics.ALL_DATA, topics.ALL_STATUS, topics.ALL_TIME_ASKED)
            ]
        )

    def _tell_time(self, asked):
        self.asked_time.append(asked)
        if self.tells_time:
            told = TimeTold(
                probe=asked.probe,
                boot_id=asked.boot_id,
                mono_ns=asked.mono_ns,
                utc=datetime.now(UTC),
            )
            self.say(topics.time_told(asked.probe), msgspec.json.encode(told))

    def _on_message(self, _client, _userdata, message):
        probe, _, leaf = topics.parse(message.topic)
        if leaf == "status":
            self.presence.append(msgspec.json.decode(message.payload, type=Presence))
            return
        if leaf == "time":
            self._tell_time(msgspec.json.decode(message.payload, type=TimeAsked))
            return
        records = [decode_record(line) for line in unpack(message.payload)]
        batch = message.properties.CorrelationData.decode()
        self.batches.append((batch, len(records)))
        refused = False
        rejected = []
        for record in records:
            self.deliveries.append((record.epoch, record.seq))
            if record.seq in self.refuses:
                refused = True
            elif record.seq in self.rejects:
                rejected.append((record.seq, record.seq))
            else:
                self.rows.setdefault(record.epoch, {})[record.seq] = record
        if self.silent:
            return
        epoch = records[0].epoch
        stored = tuple((seq, seq) for seq in sorted(self.rows.get(epoch, ())))
        contiguous = 0
        while contiguous + 1 in self.rows.get(epoch, ()):
            contiguous += 1
        ack = Ack(
            probe=probe,
            epoch=epoch,
            contiguous_seq=contiguous,
            stored=stored,
            rejected=tuple(rejected),
            rejected_batches=(batch,) if refused else (),
        )
        self.say(topics.ack(probe), msgspec.json.encode(ack))


@pytest.fixture
def start_collector(authority):
    """Start collectors that are ended with the test."""
    collectors = []

    def start(port):
        context = ssl.create_default_context(cafile=authority.certificate)
        folder = authority.certificate.parent
        context.load_cert_chain(folder / f"{COLLECTOR}.crt", folder / f"{COLLECTOR}.key")
        collectors.append(TinyCollector(port, context))
        assert collectors[-1].connected.wait(DEADLINE_S)
        return collectors[-1]

    yield start
    for collector in collectors:
        collector.close()
