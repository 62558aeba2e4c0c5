"""Names asked of a modem's own name servers, over the modem. The only import of dnspython.

The system's resolver goes the system's way: it would measure another network, or none. Queries are
plain UDP, and TCP where an answer was cut short (RFC 1035 4.2, RFC 7766).
"""

import contextlib
import ipaddress
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from drivers.traffic.device import bind_to_interface
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.result import CancelledError, TrafficError, network_error
from wire.messages import Outcome

PORT = 53
MAX_SERVERS = 3
"""As resolv.conf(5) has it."""
ROUNDS = 3
FIRST_WAIT_S = 1.0
"""For each server in the first round; doubled in each further one."""
OTHER_FAMILY_WAIT_S = 0.05
"""How long the answer for one family waits for the other's (RFC 8305 3, resolution delay)."""
MAX_ADDRESSES = 8
"""Of each family."""
MAX_DATAGRAM_BYTES = 4096
MAX_STREAM_BYTES = 65_535
CANCEL_POLL_S = 0.2

_TYPES = {
    IpFamily.IPV4: (dns.rdatatype.A,),
    IpFamily.IPV6: (dns.rdatatype.AAAA,),
    IpFamily.ANY: (dns.rdatatype.AAAA, dns.rdatatype.A),
}
_RCODES = {
    dns.rcode.SERVFAIL: "server failure",
    dns.rcode.REFUSED: "refused",
    dns.rcode.NXDOMAIN: "no such name",
}


class LookUp(NamedTuple):
    """What a name stands for."""

    addresses: tuple[str, ...]
    """IPv6 before IPv4, else in the server's order."""
    server: str
    """Who answered."""
    elapsed_s: float
    """From the first query, lost ones included. The first one may have woken the radio."""


def look_up(
    name: str,
    *,
    servers: Sequence[str],
    interface: str | None,
    family: IpFamily,
    timeout_s: float,
    cancel: threading.Event,
    port: int = PORT,
) -> LookUp:
    """Addresses of a name; raises `TrafficError` of stage `dns`, or of `bind`.

    One server after the other is asked, each up to three times. An answer with another number, or
    to another question, is not listened to (RFC 5452 9.1); where nothing else came, the error says
    so. That a name does not exist is believed at once.
    """
    started = time.monotonic()
    deadline = started + timeout_s
    queries = _queries(name, family)
    failure: TrafficError | None = None
    for number in range(ROUNDS * min(len(servers), MAX_SERVERS)):
        turn, index = divmod(number, min(len(servers), MAX_SERVERS))
        until = min(deadline, time.monotonic() + FIRST_WAIT_S * 2**turn)
        server = _Server(servers[index], port, interface, until, cancel)
        try:
            addresses = _addresses(server.ask(queries))
        except CancelledError:
            raise
        except TrafficError as error:
            if error.outcome is not Outcome.FAILED or error.happened == _RCODES[dns.rcode.NXDOMAIN]:
                raise
            if failure is None or error.happened != "timeout":
                failure = error
        else:
            return LookUp(addresses, servers[index], time.monotonic() - started)
        if time.monotonic() >= deadline:
            break
    raise failure or TrafficError("dns", "timeout")


def _queries(name: str, family: IpFamily) -> tuple[dns.message.QueryMessage, ...]:
    try:
        absolute = dns.name.from_text(name)
    except (dns.exception.DNSException, ValueError):
        absolute = dns.name.root
    if absolute == dns.name.root:
        raise TrafficError("dns", f"not a name: {name[:80]!r}", outcome=Outcome.INVALID)
    return tuple(dns.message.make_query(absolute, type_) for type_ in _TYPES[family])


def _addresses(answers: Sequence[dns.message.Message]) -> tuple[str, ...]:
    """What the answers agree on; raises `TrafficError` where there is no address in any."""
    found: list[str] = []
    # The name is there and has no address: it was set up so, whatever the network.
    failure = TrafficError("dns", "no address", outcome=Outcome.INVALID)
    for answer in answers:
        if answer.rcode() != dns.rcode.NOERROR:
            what = _RCODES.get(answer.rcode()) or dns.rcode.to_text(answer.rcode()).lower()
            failure = TrafficError("dns", what)
            continue
        try:
            found += _records(answer)
        except dns.exception.DNSException:
            failure = TrafficError("dns", "unreadable answer")
    if not found:
        raise failure
    return tuple(sorted(found, key=lambda text: ":" not in text))


def _records(answer: dns.message.Message) -> list[str]:
    """Addresses at the end of the aliases; raises `DNSException` where these lead nowhere."""
    if not isinstance(answer, dns.message.QueryMessage):
        return []
    records = answer.resolve_chaining().answer
    return [] if records is None else [str(record) for record in records][:MAX_ADDRESSES]


def _settles(answer: dns.message.Message) -> bool:
    """Whether one answer is enough, although that for the other family may never come."""
    if answer.flags & dns.flags.TC or answer.rcode() == dns.rcode.NXDOMAIN:
        return True
    try:
        return answer.rcode() == dns.rcode.NOERROR and bool(_records(answer))
    except dns.exception.DNSException:
        return False


class _Server:
    """One server, asked once."""

    def __init__(
        self,
        address: str,
        port: int,
        interface: str | None,
        until: float,
        cancel: threading.Event,
    ) -> None:
        self._interface = interface
        self._until = until
        self._cancel = cancel
        plain, _, scope = address.partition("%")
        try:
            version = ipaddress.ip_address(plain).version
        except ValueError as error:
            raise TrafficError(
                "dns", f"not an address: {address[:80]!r}", outcome=Outcome.INVALID
            ) from error
        self._family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004  # IPv4
        self._address = f"{plain}%{scope or interface}" if _needs_scope(plain) else plain
        self._port = port

    def ask(self, queries: Sequence[dns.message.QueryMessage]) -> list[dns.message.Message]:
        """Answers in the order of the queries, those that did not come left out."""
        answers: dict[int, dns.message.Message] = {}
        with self._open(socket.SOCK_DGRAM) as stream:
            try:
                for query in queries:
                    stream.send(query.to_wire())
                lied = self._listen(stream, queries, answers)
            except OSError as error:
                raise _failure(error) from error
        if len(answers) < len(queries) and not any(map(_settles, answers.values())):
            raise TrafficError("dns", "answer to another question" if lied else "timeout")
        for index, answer in answers.items():
            if answer.flags & dns.flags.TC:
                answers[index] = self._ask_by_stream(queries[index])
        return [answers[index] for index in sorted(answers)]

    def _listen(
        self,
        stream: socket.socket,
        queries: Sequence[dns.message.QueryMessage],
        answers: dict[int, dns.message.Message],
    ) -> bool:
        """Collect answers until all are there; whether there were some that are none."""
        lied = False
        until = self._until
        while len(answers) < len(queries) and self._await(stream, until):
            try:
                answer = _message(stream.recv(MAX_DATAGRAM_BYTES))
            except BlockingIOError:
                continue  # its checksum was wrong
            index = next(
                (
                    index
                    for index, query in enumerate(queries)
                    if answer is not None and query.is_response(answer)
                ),
                None,
            )
            if answer is None or index is None:
                lied = True
                continue
            answers[index] = answer
            if _settles(answer):
                until = min(until, time.monotonic() + OTHER_FAMILY_WAIT_S)
        return lied

    def _ask_by_stream(self, query: dns.message.QueryMessage) -> dns.message.Message:
        wire = query.to_wire()
        with self._open(socket.SOCK_STREAM) as stream:
            try:
                stream.sendall(struct.pack("!H", len(wire)) + wire)
                size = struct.unpack("!H", self._read(stream, 2))[0]
                answer = _message(self._read(stream, min(size, MAX_STREAM_BYTES)))
            except OSError as error:
                raise _failure(error) from error
        if answer is None or not query.is_response(answer):
            raise TrafficError("dns", "answer to another question")
        return answer

    def _open(self, kind: socket.SocketKind) -> socket.socket:
        stream = socket.socket(self._family, kind)
        try:
            bind_to_interface(stream, self._interface)
            stream.setblocking(False)
            self._connect(stream, kind)
        except TrafficError:
            stream.close()
            raise
        except OSError as error:
            stream.close()
            raise _failure(error) from error
        return stream

    def _connect(self, stream: socket.socket, kind: socket.SocketKind) -> None:
        """Then only what comes from this server is ever received."""
        flags = socket.AI_NUMERICHOST
        found = socket.getaddrinfo(self._address, self._port, type=kind, flags=flags)
        with contextlib.suppress(BlockingIOError):
            stream.connect(found[0][4])
        if kind is not socket.SOCK_STREAM:
            return
        if not self._await(stream, self._until, select.POLLOUT):
            raise TrafficError("dns", "timeout")
        code = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _read(self, stream: socket.socket, size: int) -> bytes:
        whole = b""
        while len(whole) < size:
            if not self._await(stream, self._until):
                raise TrafficError("dns", "timeout")
            piece = stream.recv(size - len(whole))
            if not piece:
                raise TrafficError("dns", "closed")
            whole += piece
        return whole

    def _await(self, stream: socket.socket, until: float, event: int = select.POLLIN) -> bool:
        """Whether there is something to read by then; raises when cancelled."""
        poller = select.poll()
        poller.register(stream, event)
        while not self._cancel.is_set():
            left_s = until - time.monotonic()
            if poller.poll(max(0.0, min(left_s, CANCEL_POLL_S)) * 1000):
                return True
            if left_s <= 0:
                return False
        raise CancelledError


def _needs_scope(address: str) -> bool:
    return ipaddress.ip_address(address).is_link_local and ":" in address


def _message(wire: bytes) -> dns.message.Message | None:
    """The message; None for bytes that are none."""
    try:
        return dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None


def _failure(error: OSError) -> TrafficError:
    if isinstance(error, ConnectionRefusedError):
        return TrafficError("dns", "nobody answers at the name server")
    return network_error("dns", error)
