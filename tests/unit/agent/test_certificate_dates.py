import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from agent.certificate_dates import dates_fit

FROM = datetime(2026, 12, 1, tzinfo=UTC)
UNTIL = datetime(2037, 12, 1, tzinfo=UTC)
CERTIFICATE = {"notBefore": "Dec  1 00:00:00 2026 GMT", "notAfter": "Dec  1 00:00:00 2037 GMT"}


@pytest.mark.parametrize(
    ("utc", "err_s", "fits"),
    [
        (FROM + timedelta(days=1), 1.0, True),
        (FROM + timedelta(seconds=1), 1.0, True),
        (UNTIL - timedelta(seconds=1), 1.0, True),
        (FROM - timedelta(seconds=1), 0.1, False),
        (UNTIL + timedelta(seconds=1), 0.1, False),
        (datetime(1970, 1, 1, tzinfo=UTC), 0.1, False),
        (FROM + timedelta(seconds=1), 1.5, False),
        (UNTIL - timedelta(seconds=1), 1.5, False),
    ],
)
def test_a_certificate_is_valid_only_where_the_whole_error_lies_between_its_dates(utc, err_s, fits):
    assert dates_fit(CERTIFICATE, utc, err_s) is fits


@pytest.mark.parametrize(
    "certificate",
    [
        {},
        {"notBefore": CERTIFICATE["notBefore"]},
        {"notAfter": CERTIFICATE["notAfter"]},
        CERTIFICATE | {"notAfter": None},
        CERTIFICATE | {"notAfter": "2037-12-01T00:00:00Z"},
    ],
)
def test_a_certificate_without_readable_dates_is_valid_at_no_time(certificate):
    assert not dates_fit(certificate, FROM + timedelta(days=1), 0.1)


@pytest.fixture
def peer_certificate():
    """What a verified connection says of a server whose certificate lasts to `UNTIL`."""
    authority = trustme.CA()
    ours, theirs = socket.socketpair()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf = authority.issue_cert("localhost", not_after=UNTIL)
    leaf.configure_cert(server_context)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client_context)

    def serve():
        with server_context.wrap_socket(theirs, server_side=True) as connection:
            connection.recv(1)

    server = threading.Thread(target=serve)
    server.start()
    with client_context.wrap_socket(ours, server_hostname="localhost") as connection:
        yield connection.getpeercert()
        connection.send(b"x")
    server.join(10)


def test_dates_are_read_from_a_real_connection(peer_certificate):
    assert dates_fit(peer_certificate, UNTIL - timedelta(days=1), 1.0)
    assert not dates_fit(peer_certificate, UNTIL + timedelta(days=1), 1.0)
    assert not dates_fit(peer_certificate, datetime(1970, 1, 1, tzinfo=UTC), 1.0)
