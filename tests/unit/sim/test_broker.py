import queue
import ssl

import paho.mqtt.client as mqtt
import pytest

from sim.broker import Broker
from sim.certificates import COLLECTOR
from wire import topics

TIMEOUT_S = 10.0


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
