import ssl
import stat

import pytest
from cryptography import x509

from sim.certificates import Authority, files
from sim.cli import main


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "tls")


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """Both ends of a TLS handshake in memory; gives the server's end."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    open_ends = [ours, theirs]
    for _ in range(10):
        for end in list(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not open_ends
    return theirs


def test_files_are_readable_by_their_owner_only(authority, tmp_path):
    authority.server()
    authority.client("dn-01")
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    made = sorted((tmp_path / "tls").iterdir())
    assert [path.name for path in made] == [
        "broker.crt", "broker.key", "ca.crt", "dn-01.crt", "dn-01.key",
    ]  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


def test_the_name_of_a_client_is_its_common_name(authority):
    broker, probe = authority.server(), authority.client("dn-01")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(broker.certificate, broker.key)
    server.load_verify_locations(authority.certificate)
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=str(authority.certificate))
    client.load_cert_chain(probe.certificate, probe.key)

    for host in ("127.0.0.1", "localhost"):
        subject = handshake(client, server, host).getpeercert()["subject"]
        assert ("commonName", "dn-01") in [pair for part in subject for pair in part]


def test_another_authority_is_not_believed(authority, tmp_path):
    broker = authority.server()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(broker.certificate, broker.key)
    stranger = Authority(tmp_path / "stranger")
    client = ssl.create_default_context(cafile=str(stranger.certificate))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(client, server, "127.0.0.1")


def test_the_command_makes_a_set(tmp_path):
    assert main(["certificates", str(tmp_path / "tls"), "dn-01", "collector"]) == 0
    for name in ("dn-01", "collector", "broker"):
        assert files(tmp_path / "tls", name).key.exists()


def test_servers_that_share_an_identity_find_its_files_as_they_were(authority):
    first = authority.server()
    content = [file.read_bytes() for file in first]
    assert authority.server() == first
    assert [file.read_bytes() for file in first] == content
    assert "192.0.2.1" in ssl_hosts(authority.server(address="192.0.2.1").certificate)


def ssl_hosts(certificate):
    issued = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(address) for address in names.get_values_for_type(x509.IPAddress)]
