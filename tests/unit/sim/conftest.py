"""A real broker and the smallest possible collector, for whatever speaks MQTT."""

import contextlib
import queue
import ssl
import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sim.broker import Broker
from sim.certificates import COLLECTOR, Authority, files
from wire import topics
from wire.codec import decode_record, unpack
from wire.control import Ack, Presence, Range, parse_batch_id

TIMEOUT_S = 20.0


class MemoryCollector:
    """Keeps rows in a set and acknowledges, as the real one does after its commit."""

    def __init__(self, port: int, authority: Authority) -> None:
        self.rows: set[tuple[str, UUID, int]] = set()
        self.records: list[object] = []
        self.batches: list[tuple[UUID, int, int]] = []
        self.presence: dict[str, Presence] = {}
        self.ignored_batches = 0
        """How many of the next batches are to be lost."""
        self.rejected: tuple[Range, ...] = ()
        identity = files(authority.certificate.parent, COLLECTOR)
        context = ssl.create_default_context(cafile=str(authority.certificate))
        context.load_cert_chain(identity.certificate, identity.key)
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.tls_set_context(context)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe(
            [
                (topics.ALL_DATA, mqtt.SubscribeOptions(1)),
                (topics.ALL_STATUS, mqtt.SubscribeOptions(1)),
            ]
        )
        self.subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.heard: queue.SimpleQueue[mqtt.MQTTMessage | None] = queue.SimpleQueue()
        self.client.on_message = lambda _client, _userdata, message: self.heard.put(message)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.subscribed.wait(TIMEOUT_S)
        self.worker = threading.Thread(target=self.work)
        self.worker.start()

    def work(self) -> None:
        while (message := self.heard.get()) is not None:
            probe, _, leaf = topics.parse(message.topic)
            if leaf == "status":
                self.presence[probe] = msgspec.json.decode(message.payload, type=Presence)
            elif self.ignored_batches:
                self.ignored_batches -= 1
            else:
                self.store(probe, message)

    def store(self, probe: str, message: mqtt.MQTTMessage) -> None:
        batch = parse_batch_id(message.properties.CorrelationData.decode())
        self.batches.append(batch)
        for line in unpack(message.payload):
            record = decode_record(line)
            assert record.probe == probe
            self.rows.add((probe, record.epoch, record.seq))
            self.records.append(record)
        epoch = batch[0]
        contiguous = 0
        while (probe, epoch, contiguous + 1) in self.rows:
            contiguous += 1
        above = tuple(
            (seq, seq)
            for name, e, seq in sorted(self.rows)
            if name == probe and e == epoch and seq > contiguous
        )
        ack = Ack(
            probe=probe,
            epoch=epoch,
            contiguous_seq=contiguous,
            stored=above,
            rejected=self.rejected,
        )
        self.client.publish(topics.ack(probe), msgspec.json.encode(ack), qos=1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        self.heard.put(None)
        self.worker.join(TIMEOUT_S)


class Client:
    """A connected MQTT 5 client whose messages arrive in a queue."""

    def __init__(self, broker: Broker, authority: Authority, name: str) -> None:
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.granted: queue.Queue[list[object]] = queue.Queue()
        self.published: queue.Queue[ReasonCode] = queue.Queue()
        self.connected: queue.Queue[object] = queue.Queue()
        identity = files(authority.certificate.parent, name)
        context = ssl.create_default_context(cafile=str(authority.certificate))
        context.load_cert_chain(identity.certificate, identity.key)
        self.mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id="ignored", protocol=mqtt.MQTTv5
        )
        self.mqtt.tls_set_context(context)
        self.mqtt.on_connect = lambda *rest: self.connected.put(rest[3])
        self.mqtt.on_message = lambda *rest: self.messages.put(rest[2])
        self.mqtt.on_subscribe = lambda *rest: self.granted.put(rest[3])
        self.mqtt.on_publish = lambda *rest: self.published.put(rest[3])
        self.mqtt.connect("127.0.0.1", broker.port)
        self.mqtt.loop_start()
        assert self.connected.get(timeout=TIMEOUT_S) == "Success"

    def subscribe(self, topic: str) -> None:
        self.mqtt.subscribe(topic, 1)
        self.granted.get(timeout=TIMEOUT_S)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> ReasonCode:
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = b"batch"
        self.mqtt.publish(topic, payload, 1, retain, properties)
        return self.published.get(timeout=TIMEOUT_S)

    def close(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


@pytest.fixture
def authority(tmp_path) -> Authority:
    authority = Authority(tmp_path / "tls")
    for name in ("dn-01", "dn-02", COLLECTOR):
        authority.client(name)
    return authority


@pytest.fixture
def broker(tmp_path, authority) -> Iterator[Broker]:
    with Broker(tmp_path / "broker", authority) as broker:
        yield broker


@pytest.fixture
def start_collector(broker, authority) -> Iterator[Callable[[], MemoryCollector]]:
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(
            contextlib.closing(MemoryCollector(broker.port, authority))
        )


@pytest.fixture
def collector(start_collector) -> MemoryCollector:
    return start_collector()


@pytest.fixture
def client(broker, authority):
    clients = []

    def connect(name: str) -> Client:
        clients.append(Client(broker, authority, name))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()
