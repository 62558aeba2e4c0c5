"""A small name server on loopback that answers as it is told, also wrongly."""

import contextlib
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Answer = Callable[[dns.message.Message], bytes | None]


def with_addresses(*addresses: str, ttl: int = 60) -> Answer:
    """Answers with those of the family that is asked for."""

    def answer(query: dns.message.Message) -> bytes:
        question = query.question[0]
        kind = "AAAA" if question.rdtype == dns.rdatatype.AAAA else "A"
        fitting = [each for each in addresses if (":" in each) == (kind == "AAAA")]
        made = dns.message.make_response(query)
        if fitting:
            made.answer.append(dns.rrset.from_text(question.name, ttl, "IN", kind, *fitting))
        return made.to_wire()

    return answer


def with_code(code: dns.rcode.Rcode) -> Answer:
    def answer(query: dns.message.Message) -> bytes:
        made = dns.message.make_response(query)
        made.set_rcode(code)
        return made.to_wire()

    return answer


def nothing(_: dns.message.Message) -> None:
    """Lets the query be lost."""


class NameServer:
    """UDP and TCP on one port; a context manager. `asked` counts datagrams."""

    def __init__(
        self, answer: Answer, *, by_stream: Answer | None = None, host="127.0.0.1"
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answer, self.by_stream = answer, by_stream
        self.asked = 0
        self._datagrams = socket.socket(family, socket.SOCK_DGRAM)
        self._datagrams.bind((host, 0))
        self.port: int = self._datagrams.getsockname()[1]
        self._listener = socket.create_server((host, self.port), family=family)
        self._done, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._wake.close()
        self._thread.join(5)
        for each in (self._datagrams, self._listener, self._done):
            each.close()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._datagrams, self._listener, self._done], [], [])
            if self._done in ready:
                return
            if self._datagrams in ready:
                self._answer_datagram()
            else:
                self._answer_stream()

    def _answer_datagram(self) -> None:
        data, who = self._datagrams.recvfrom(4096)
        self.asked += 1
        answer = self.answer(dns.message.from_wire(data))
        if answer is not None:
            self._datagrams.sendto(answer, who)

    def _answer_stream(self) -> None:
        connection, _ = self._listener.accept()
        with connection, contextlib.suppress(OSError, struct.error):
            connection.settimeout(2)
            size = struct.unpack("!H", connection.recv(2))[0]
            answer = self.by_stream(dns.message.from_wire(connection.recv(size)))
            whole = struct.pack("!H", len(answer)) + answer
            for index in range(len(whole)):  # in pieces
                connection.sendall(whole[index : index + 1])


if __name__ == "__main__":
    host, *addresses = sys.argv[1:]
    with NameServer(with_addresses(*addresses), host=host) as server:
        print(server.port, flush=True)  # noqa: T201 - tells whoever started it
        threading.Event().wait()
