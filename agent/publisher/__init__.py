"""The probe's link to the broker: delivers what the outbox holds until the collector has it."""

from agent.publisher.dialler import Path
from agent.publisher.errors import UnansweredError
from agent.publisher.link import Broker, Tls
from agent.publisher.publisher import Publisher, PublisherStats
from agent.publisher.resolve import Resolver
from agent.publisher.sender import Pace

__all__ = [
    "Broker",
    "Pace",
    "Path",
    "Publisher",
    "PublisherStats",
    "Resolver",
    "Tls",
    "UnansweredError",
]
