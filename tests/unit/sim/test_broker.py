import queue
import ssl

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sim.broker import Broker
from sim.certificates import COLLECTOR, Authority, files
from wire import topics

TIMEOUT_S = 10.0


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
def client(broker, authority):
    clients = []

    def connect(name: str) -> Client:
        clients.append(Client(broker, authority, name))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


def test_a_batch_and_its_name_reach_the_collector(client):
    collector = client(COLLECTOR)
    collector.subscribe(topics.ALL_DATA)
    assert client("dn-01").publish(topics.data("dn-01"), b"batch bytes") == "Success"
    message = collector.messages.get(timeout=TIMEOUT_S)
    assert (message.topic, message.payload) == (topics.data("dn-01"), b"batch bytes")
    assert message.properties.CorrelationData == b"batch"


def test_an_acknowledgement_reaches_its_probe_only(client):
    first, second, collector = client("dn-01"), client("dn-02"), client(COLLECTOR)
    first.subscribe(topics.ack("+"))
    second.subscribe(topics.ack("+"))
    collector.publish(topics.ack("dn-01"), b"one")
    collector.publish(topics.ack("dn-02"), b"two")
    assert second.messages.get(timeout=TIMEOUT_S).payload == b"two"
    assert first.messages.get(timeout=TIMEOUT_S).payload == b"one"
    assert first.messages.empty()
    assert second.messages.empty()


@pytest.mark.parametrize("topic", [topics.data("dn-02"), topics.ack("dn-01"), "elsewhere"])
def test_a_probe_may_not_write_elsewhere(client, topic):
    assert client("dn-01").publish(topic, b"intruder") == "Not authorized"


def test_the_collector_may_write_live_topics_and_not_data(client):
    collector = client(COLLECTOR)
    live = topics.live("dn-01", "radio")
    assert not collector.publish(live, b"{}", retain=True).is_failure
    assert collector.publish(topics.data("dn-01"), b"") == "Not authorized"


def test_a_client_without_a_certificate_is_refused(broker, authority):
    stranger = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    stranger.tls_set_context(ssl.create_default_context(cafile=str(authority.certificate)))
    connected: queue.Queue[object] = queue.Queue()
    stranger.on_connect = lambda *rest: connected.put(rest[3])
    stranger.on_disconnect = lambda *rest: connected.put(rest[3])
    try:
        stranger.connect("127.0.0.1", broker.port)
    except ssl.SSLError:
        return
    stranger.loop_start()
    assert connected.get(timeout=TIMEOUT_S) != "Success"
    stranger.disconnect()
    stranger.loop_stop()


def test_a_killed_broker_comes_back_on_its_port_and_empty(broker, client):
    probe = client("dn-01")
    probe.publish(topics.status("dn-01"), b"retained", retain=True)
    port = broker.port
    broker.kill()
    assert not broker.part.running
    broker.start()
    assert broker.port == port
    collector = client(COLLECTOR)
    collector.subscribe(topics.ALL_STATUS)
    assert client("dn-02").publish(topics.status("dn-02"), b"after") == "Success"
    assert collector.messages.get(timeout=TIMEOUT_S).payload == b"after"


def test_two_brokers_do_not_meet(broker, authority, tmp_path):
    with Broker(tmp_path / "other", authority) as other:
        assert other.port != broker.port
        assert broker.part.running
        assert other.part.running
