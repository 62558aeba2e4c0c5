"""`dosong-sim server`: the far end of the tests, for the bench and for the field.

`sim.server.http` says what it answers, `sim.server.slots` who may measure when, and
`sim.server.iperf` keeps the real iperf3 running.
"""

from sim.server.command import COMMAND
from sim.server.http import HttpServer
from sim.server.iperf import IperfServer, is_listening
from sim.server.resources import BadRequestError, body_bytes

__all__ = [
    "COMMAND",
    "BadRequestError",
    "HttpServer",
    "IperfServer",
    "body_bytes",
    "is_listening",
]
