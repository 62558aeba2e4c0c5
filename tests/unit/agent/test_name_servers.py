import socket
from pathlib import Path

import pytest

from agent.config import ModemPlace
from agent.name_servers import MAX_FILE_BYTES, name_servers
from agent.orders import OrderError

PLACE = ModemPlace(name="a", port=Path("/dev/a"))
LINK = "lo"


def says(*servers):
    return lambda: servers


def does_not_know():
    raise OrderError("its DNS: the modem is gone")


@pytest.fixture
def resolved(tmp_path):
    """What systemd-resolved keeps of the link."""

    def write(text: str) -> Path:
        (tmp_path / str(socket.if_nametoindex(LINK))).write_text(text)
        return tmp_path

    return write


def test_what_a_person_wrote_comes_first():
    place = ModemPlace(name="a", port=Path("/dev/a"), dns=("192.0.2.53",))
    assert name_servers(place, LINK, says("10.0.0.53")) == ("192.0.2.53",)
    assert name_servers(place, None, says("10.0.0.53")) == ("192.0.2.53",)


def test_then_what_the_modem_says(resolved):
    folder = resolved("SERVERS=10.0.0.9\n")
    assert name_servers(PLACE, LINK, says("10.0.0.53"), resolved=folder) == ("10.0.0.53",)


@pytest.mark.parametrize("modem", [says(), does_not_know])
def test_then_what_systemd_knows_of_the_link(resolved, modem):
    folder = resolved("LLMNR=yes\nSERVERS=10.0.0.9 [2001:db8::9]:53%3#x 2001:db8::8#dns.example\n")
    found = name_servers(PLACE, LINK, modem, resolved=folder)
    assert found == ("10.0.0.9", "2001:db8::8")


@pytest.mark.parametrize("text", ["", "SERVERS=", "SERVERS=what\n", "\0" * (2 * MAX_FILE_BYTES)])
def test_a_file_that_says_nothing_is_none(resolved, text):
    assert name_servers(PLACE, LINK, says(), resolved=resolved(text)) == ()


def test_where_nobody_knows_there_are_none(tmp_path):
    assert name_servers(PLACE, LINK, says(), resolved=tmp_path) == ()
    assert name_servers(PLACE, "nosuch0", says(), resolved=tmp_path) == ()


def test_a_test_that_is_bound_to_nothing_asks_nobody_of_a_modem():
    assert name_servers(PLACE, None, says("10.0.0.53")) == ()
