"""The bare other end of the collector's link: one probe's connection."""

import queue
import ssl

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sim.certificates import files
from wire import topics
from wire.codec import encode_record, pack
from wire.control import Ack, TimeTold

from .conftest import TIMEOUT_S
from .records import PROBE


class Probe:
    """A probe's uplink: publishes anything and hears its acknowledgements and live values."""

    def __init__(self, broker, keys, name=PROBE):
        self.name = name
        self.acks = queue.SimpleQueue()
        identity = files(keys, name)
        context = ssl.create_default_context(cafile=keys / "ca.crt")
        context.load_cert_chain(identity.certificate, identity.key)
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        self.client.tls_set_context(context)
        self.client.reconnect_delay_set(1, 1)
        self.times = queue.SimpleQueue()
        self.reasons = queue.SimpleQueue()
        wanted = [(topics.ack(name), 1), (topics.time_told(name), 0)]
        self.client.on_connect = lambda client, *_: client.subscribe(wanted)
        subscribed = queue.SimpleQueue()
        self.client.on_subscribe = lambda *_: subscribed.put(None)
        self.client.on_message = self._hear
        self.client.on_publish = lambda _c, _u, _mid, reason, _p: self.reasons.put(reason.value)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        subscribed.get(timeout=TIMEOUT_S)

    def send(self, content, batch=None, topic=None, qos=1):
        properties = Properties(PacketTypes.PUBLISH)
        if batch is not None:
            properties.CorrelationData = batch.encode()
        target = topic or topics.data(self.name)
        self.client.publish(target, content, qos=qos, properties=properties)

    def send_records(self, *records, batch=None):
        self.send(pack(map(encode_record, records)), batch)

    def ack(self):
        return msgspec.json.decode(self.acks.get(timeout=TIMEOUT_S), type=Ack)

    def ask(self, asked):
        """What the collector says the time is."""
        self.client.publish(topics.time_asked(self.name), msgspec.json.encode(asked), qos=0)
        return msgspec.json.decode(self.times.get(timeout=TIMEOUT_S), type=TimeTold)

    def _hear(self, _client, _userdata, message):
        told = message.topic == topics.time_told(self.name)
        (self.times if told else self.acks).put(message.payload)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
