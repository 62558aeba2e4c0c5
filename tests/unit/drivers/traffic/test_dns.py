import random
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from drivers.traffic import NetPath
from drivers.traffic import dns as ours
from drivers.traffic.dns import look_up
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.netpath import resolve
from drivers.traffic.result import CancelledError, TrafficError
from tests.unit.drivers.traffic.name_server import NameServer, nothing, with_addresses, with_code
from wire.messages import Outcome

HOST = "test.example"
BOTH = with_addresses("2001:db8::7", "192.0.2.7", "192.0.2.8")


def ask(
    *servers: NameServer, family=IpFamily.ANY, timeout_s=2.0, cancel=None, name=HOST, interface="lo"
):
    """Servers that all listen on the port of the first."""
    return look_up(
        name,
        servers=[f"127.0.0.{index}" for index, _ in enumerate(servers, start=1)],
        interface=interface,
        family=family,
        timeout_s=timeout_s,
        cancel=cancel or threading.Event(),
        port=servers[0].port,
    )


def failure(*servers: NameServer, **how) -> TrafficError:
    with pytest.raises(TrafficError) as caught:
        ask(*servers, **how)
    return caught.value


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(ours, "FIRST_WAIT_S", 0.15)


@pytest.mark.parametrize(
    ("family", "addresses"),
    [
        (IpFamily.IPV4, ("192.0.2.7", "192.0.2.8")),
        (IpFamily.IPV6, ("2001:db8::7",)),
        (IpFamily.ANY, ("2001:db8::7", "192.0.2.7", "192.0.2.8")),
    ],
)
def test_a_name_has_addresses_of_the_family_that_is_asked_for(family, addresses):
    with NameServer(BOTH) as server:
        found = ask(server, family=family)
    # The server shuffles those of one family.
    assert (tuple(sorted(found.addresses)), found.server) == (tuple(sorted(addresses)), "127.0.0.1")
    assert found.addresses[0][:5] == addresses[0][:5]
    assert 0 < found.elapsed_s < 1


def test_an_alias_leads_to_its_addresses():
    def aliased(query):
        made = dns.message.make_response(query)
        name = query.question[0].name
        made.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "cdn.example."))
        made.answer.append(dns.rrset.from_text("cdn.example.", 60, "IN", "A", "192.0.2.9"))
        return made.to_wire()

    with NameServer(aliased) as server:
        assert ask(server, family=IpFamily.IPV4).addresses == ("192.0.2.9",)


def test_a_lost_query_is_sent_again():
    lost = [True]

    def sometimes(query):
        return nothing(query) if lost and lost.pop() else BOTH(query)

    with NameServer(sometimes) as server:
        assert ask(server, family=IpFamily.IPV4).addresses
        assert server.asked == 2


def test_one_family_that_is_not_answered_does_not_hold_up_the_other():
    def only_ipv4(query):
        is_ipv4 = query.question[0].rdtype == dns.rdatatype.A
        return BOTH(query) if is_ipv4 else nothing(query)

    with NameServer(only_ipv4) as server:
        assert ask(server).addresses
        assert server.asked == 2  # once for each family, and not again


def test_one_family_without_an_address_is_no_answer_for_the_other():
    """The answer for IPv6 is empty and at once there; that for IPv4 comes late, or never."""
    slow = threading.Event()

    def only_ipv4(query):
        if query.question[0].rdtype == dns.rdatatype.A:
            slow.wait(2 * ours.OTHER_FAMILY_WAIT_S)
            return with_addresses("192.0.2.7")(query)
        return with_addresses()(query)

    def never_ipv4(query):
        return nothing(query) if query.question[0].rdtype == dns.rdatatype.A else only_ipv4(query)

    with NameServer(only_ipv4) as server:
        assert ask(server).addresses == ("192.0.2.7",)
    with NameServer(never_ipv4) as server:
        error = failure(server, timeout_s=0.4)
    assert (error.reason, error.outcome) == ("dns: timeout", Outcome.FAILED)


def test_a_silent_server_is_a_timeout_of_the_network():
    with NameServer(nothing) as server:
        begun = time.monotonic()
        error = failure(server, timeout_s=0.4)
    assert (error.reason, error.outcome) == ("dns: timeout", Outcome.FAILED)
    assert time.monotonic() - begun < 1


def test_the_second_server_is_asked_when_the_first_says_nothing():
    second = {"127.0.0.2"}
    with NameServer(BOTH, host="127.0.0.2") as server:
        assert {ask(server, server).server} == second


@pytest.mark.parametrize(
    ("code", "reason", "times"),
    [
        (dns.rcode.NXDOMAIN, "dns: no such name", 1),
        (dns.rcode.SERVFAIL, "dns: server failure", 3),
        (dns.rcode.REFUSED, "dns: refused", 3),
        (dns.rcode.NOTIMP, "dns: notimp", 3),
    ],
)
def test_what_a_server_says_is_the_reason(code, reason, times):
    with NameServer(with_code(code)) as server:
        error = failure(server, family=IpFamily.IPV4)
        assert (error.reason, error.outcome, server.asked) == (reason, Outcome.FAILED, times)


def test_a_name_without_an_address_was_set_up_so():
    with NameServer(with_addresses("192.0.2.7")) as server:
        error = failure(server, family=IpFamily.IPV6)
    assert (error.reason, error.outcome) == ("dns: no address", Outcome.INVALID)


def wrong_number(query):
    answer = dns.message.from_wire(BOTH(query))
    answer.id ^= 1
    return answer.to_wire()


def other_question(query):
    asked = dns.message.make_query("evil.example", query.question[0].rdtype)
    asked.id = query.id
    return with_addresses("203.0.113.1", "2001:db8::bad")(asked)


@pytest.mark.parametrize("lie", [wrong_number, other_question, lambda _: b"\x00" * 7])
def test_a_lie_is_not_listened_to_and_told(lie):
    with NameServer(lie) as server:
        error = failure(server, timeout_s=0.3)
    assert (error.reason, error.outcome) == ("dns: answer to another question", Outcome.FAILED)


def test_the_truth_after_a_lie_is_taken():
    class Twice(NameServer):
        def _answer_datagram(self) -> None:
            data, who = self._datagrams.recvfrom(4096)
            query = dns.message.from_wire(data)
            self._datagrams.sendto(other_question(query), who)
            self._datagrams.sendto(BOTH(query), who)

    with Twice(BOTH) as server:
        assert "192.0.2.7" in ask(server, family=IpFamily.IPV4).addresses


def cut_short(query):
    made = dns.message.make_response(query)
    made.flags |= dns.flags.TC
    return made.to_wire()


def test_an_answer_that_was_cut_short_is_asked_for_by_tcp():
    many = [f"192.0.2.{number}" for number in range(1, 60)]
    with NameServer(cut_short, by_stream=with_addresses(*many)) as server:
        found = ask(server, family=IpFamily.IPV4)
    assert len(found.addresses) == ours.MAX_ADDRESSES
    assert set(found.addresses) < set(many)


@pytest.mark.parametrize("lie", [wrong_number, other_question])
def test_a_lie_by_tcp_is_one_as_well(lie):
    with NameServer(cut_short, by_stream=lie) as server:
        assert failure(server, family=IpFamily.IPV4).happened == "answer to another question"


def test_a_server_that_does_not_go_on_by_tcp_is_a_timeout_and_cancelled(deaf_port):
    """Nobody takes the connection."""
    server = ours._Server("127.0.0.1", deaf_port, "lo", time.monotonic() + 0.3, threading.Event())
    (query,) = ours._queries(HOST, IpFamily.IPV4)
    with pytest.raises(TrafficError, match="dns: timeout"):
        server._ask_by_stream(query)
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(CancelledError):
        ours._Server("127.0.0.1", deaf_port, "lo", begun + 60, cancel)._ask_by_stream(query)
    assert time.monotonic() - begun < 1


def test_a_port_where_nobody_listens_is_told(refused_port):
    with pytest.raises(TrafficError, match="nobody answers at the name server"):
        look_up(
            HOST,
            servers=["127.0.0.1"],
            interface="lo",
            family=IpFamily.IPV4,
            timeout_s=1,
            cancel=threading.Event(),
            port=refused_port,
        )


def test_asking_is_cancelled():
    cancel = threading.Event()
    with NameServer(nothing) as server:
        threading.Timer(0.1, cancel.set).start()
        begun = time.monotonic()
        with pytest.raises(CancelledError):
            ask(server, timeout_s=60, cancel=cancel)
    assert time.monotonic() - begun < 1


def test_an_interface_that_is_not_there_is_a_modem_gone():
    with NameServer(BOTH) as server:
        assert failure(server, interface="nosuch0").outcome is Outcome.MODEM_GONE


@pytest.mark.parametrize("name", ["", "a" * 64 + ".example", "x." * 200])
def test_what_is_no_name_is_the_setups_fault(name):
    with NameServer(BOTH) as server:
        error = failure(server, name=name)
    assert (error.stage, error.outcome) == ("dns", Outcome.INVALID)


def test_mangled_answers_are_survived():
    dice = random.Random(5)  # noqa: S311 - the same each time

    def mangled(query):
        answer = bytearray(BOTH(query))
        for _ in range(4):
            answer[dice.randrange(2, len(answer))] = dice.randrange(256)
        return bytes(answer[: dice.randrange(2, len(answer) + 1)])

    with NameServer(mangled) as server:
        for _ in range(30):
            try:
                found = ask(server, timeout_s=0.05)
            except TrafficError:
                continue
            assert found.addresses


def test_a_path_with_name_servers_asks_them_and_tells_who_answered():
    with NameServer(with_addresses("127.0.0.1")) as server:
        path = NetPath(interface="lo", dns_servers=("127.0.0.1",), dns_port=server.port)
        found = resolve(HOST, 80, path, timeout_s=1, cancel=threading.Event())
        asked = server.asked
        literal = resolve("127.0.0.1", 80, path, timeout_s=1, cancel=threading.Event())
        assert server.asked == asked
    assert (found.host, found.port, found.dns_server) == ("127.0.0.1", 80, "127.0.0.1")
    assert found.dns_s > 0
    assert (literal.dns_s, literal.dns_server) == (None, None)
