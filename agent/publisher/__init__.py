"""The probe's link to the broker: delivers what the outbox holds until the collector has it."""

from agent.publisher.link import Broker, Tls
from agent.publisher.publisher import Pace, Publisher, PublisherStats

__all__ = ["Broker", "Pace", "Publisher", "PublisherStats", "Tls"]
