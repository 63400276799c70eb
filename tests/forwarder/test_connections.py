"""How collectors are reached: through proxies, and with certificates of one's own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otlp_forwarder.output.connections import Connections, PostError
from otlp_forwarder.output.proxy import Proxies, Proxy
from otlp_forwarder.output.responses import Failure
from otlp_forwarder.output.tls import Tls
from tests.forwarder.certificates import make_certificate
from tests.forwarder.proxy import HttpProxy
from tests.forwarder.samples import request
from tests.receiver import OtlpReceiver

BODY = request("a").SerializeToString()
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tls-AbCdEf"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_receiver(certificate: Path) -> Iterator[OtlpReceiver]:
    """A collector whose certificate only those trust who are told to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with OtlpReceiver(tls=context) as receiver:
        yield receiver


@pytest.fixture
def strict_receiver(certificate: Path) -> Iterator[OtlpReceiver]:
    """A collector that wants a certificate shown."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    context.load_cert_chain(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with OtlpReceiver(tls=context) as receiver:
        yield receiver


@pytest.fixture
def proxy() -> Iterator[HttpProxy]:
    with HttpProxy() as proxy:
        yield proxy


def post(connections: Connections, endpoint: str, times: int = 1) -> None:
    try:
        for _ in range(times):
            response = connections.post(f"{endpoint}/v1/traces?a=b", BODY, {"x-a": "b"}, 5.0)
            assert response.status == 200
            assert response.body == ExportTraceServiceResponse().SerializeToString()
    finally:
        connections.close()


def test_http_goes_through_the_proxy_in_absolute_form(
    receiver: OtlpReceiver, proxy: HttpProxy
) -> None:
    proxies = Proxies(http=f"http://me:p%40ss@{proxy.address}")
    post(Connections(proxies=proxies), receiver.endpoint)

    ((first, *headers),) = proxy.heads
    assert first == f"POST {receiver.endpoint}/v1/traces?a=b HTTP/1.1"
    assert "proxy-authorization: basic bwu6cebzcw==" in headers  # "me:p@ss", in lower case
    (received,) = receiver.requests
    assert (received.path, received.body) == ("/v1/traces?a=b", BODY)


def test_https_goes_through_a_tunnel_that_is_kept(
    tls_receiver: OtlpReceiver, certificate: Path, proxy: HttpProxy
) -> None:
    tls = {tls_receiver.endpoint: Tls(str(certificate))}
    proxies = Proxies(https=f"http://me:pass@{proxy.address}")
    post(Connections(tls=tls, proxies=proxies), tls_receiver.endpoint, times=2)

    ((first, *headers),) = proxy.heads
    assert first.startswith(f"CONNECT {tls_receiver.endpoint.removeprefix('https://')} HTTP/1.")
    assert "proxy-authorization: basic bwu6cgfzcw==" in headers  # "me:pass", in lower case
    assert len(tls_receiver.spans) == 2
    assert "proxy-authorization" not in tls_receiver.requests[0].headers


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("407 Proxy Authentication Required", Failure.PROXY),
        ("403 Forbidden", Failure.PROXY),
        ("502 Bad Gateway", Failure.NO_RESPONSE),
        ("302 Found", Failure.NO_RESPONSE),
    ],
)
def test_a_proxy_that_refuses_is_no_answer_of_the_collector(
    status: str, failure: Failure, tls_receiver: OtlpReceiver
) -> None:
    with HttpProxy(f"HTTP/1.1 {status}\r\n\r\n".encode()) as proxy:
        connections = Connections(proxies=Proxies(https=f"http://{proxy.address}"))

        with pytest.raises(PostError, match=status[:3]) as caught:
            connections.post(tls_receiver.endpoint, BODY, {}, 5.0)

    assert caught.value.failure is failure
    assert not tls_receiver.requests


@pytest.mark.parametrize(
    "none_for", ["*", "127.0.0.1", "example.com, 127.0.0.1 ", "127.0.0.1:PORT"]
)
def test_what_no_proxy_names_is_reached_directly(
    none_for: str, receiver: OtlpReceiver, proxy: HttpProxy
) -> None:
    none_for = none_for.replace("PORT", receiver.endpoint.rpartition(":")[2])
    proxies = Proxies(http=f"http://{proxy.address}", none_for=none_for)
    post(Connections(proxies=proxies), receiver.endpoint)

    assert not proxy.heads
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("none_for", "found"),
    [
        ("example.com", None),
        (".example.com", None),
        ("*.example.com", None),
        ("EXAMPLE.com", None),
        ("collector.example.com:4318", None),
        ("collector.example.com:4317", Proxy("proxy", 3128)),
        ("ample.com", Proxy("proxy", 3128)),
        ("example.com.org", Proxy("proxy", 3128)),
        ("", Proxy("proxy", 3128)),
        (",", Proxy("proxy", 3128)),
    ],
)
def test_a_domain_is_everything_below_it(none_for: str, found: Proxy | None) -> None:
    proxies = Proxies(https="http://proxy:3128", none_for=none_for)

    assert proxies.find("https://collector.example.com:4318") == found


@pytest.mark.parametrize(
    ("none_for", "origin", "direct"),
    [
        ("collector.example:443", "https://collector.example", True),
        ("collector.example:80", "http://collector.example", True),
        ("collector.example:80", "https://collector.example", False),
        ("collector.example", "https://COLLECTOR.example.", True),
        ("collector.example.", "https://collector.example", True),
        ("10.0.0.0/8", "http://10.1.2.3:4318", True),
        ("10.0.0.7/8", "http://10.1.2.3:4318", True),
        ("10.0.0.0/8", "http://11.1.2.3:4318", False),
        ("10.0.0.0/8", "http://10.example:4318", False),
        ("10.0.0.0/99", "http://10.1.2.3", False),
        ("10.1.2.3", "http://110.1.2.3", False),
        ("2.3", "http://10.1.2.3", True),
        ("fd00::/8", "http://[fd12::1]:4318", True),
        ("fd00::/8", "http://10.1.2.3", False),
        ("fd12::1", "http://[fd12::1]:4318", True),
        ("fd12:0:0::1", "http://[fd12::1]", True),
        ("[fd12::1]", "http://[fd12::1]:4318", True),
        ("[fd12::1]:4318", "http://[fd12::1]:4318", True),
        ("[fd12::1]:4317", "http://[fd12::1]:4318", False),
        ("::1", "http://[fd12::1]:4318", False),
        (" , ,other.example , 10.0.0.0/8", "http://10.1.2.3", True),
        ("*", "http://[fd12::1]:4318", True),
        ("*.", "http://collector.example", False),
    ],
)
def test_no_proxy_has_ports_addresses_and_networks(
    none_for: str, origin: str, *, direct: bool
) -> None:
    proxies = Proxies(https="http://proxy:1", http="http://proxy:1", none_for=none_for)

    assert (proxies.find(origin) is None) == direct


@pytest.mark.parametrize("place", ["beside it", "by itself"])
def test_a_client_certificate_is_shown_to_who_asks(
    place: str, strict_receiver: OtlpReceiver, certificate: Path
) -> None:
    """Its key may stand beside it or by itself; here both come from secrets."""
    pem = certificate.read_text()
    apart = place == "by itself"
    key, end, rest = pem.partition("-----END PRIVATE KEY-----\n")
    secrets = {ARN: rest if apart else pem, f"{ARN}-key": key + end}
    tls = Tls(str(certificate), ARN, f"{ARN}-key" if apart else None, fetch=secrets.__getitem__)
    post(Connections(tls={strict_receiver.endpoint: tls}), strict_receiver.endpoint)

    assert len(strict_receiver.requests) == 1


def test_where_a_client_certificate_is_wanted_the_reason_says_so(
    strict_receiver: OtlpReceiver, certificate: Path
) -> None:
    connections = Connections(tls={strict_receiver.endpoint: Tls(str(certificate))})

    with pytest.raises(PostError, match="wants another certificate") as caught:
        connections.post(strict_receiver.endpoint, BODY, {}, 5.0)

    assert caught.value.failure is Failure.CERTIFICATE
    assert not strict_receiver.requests


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        (Tls("/nowhere/ca.pem"), "/nowhere/ca.pem cannot be read: .*No such file"),
        (Tls(ARN, fetch=lambda _: "s3cret"), "holds no certificates in PEM"),
        (Tls(None, ARN, fetch=lambda _: "s3cret"), "must hold a certificate in PEM"),
        (Tls(ARN, fetch=lambda _: ""), "is empty"),
        (Tls(None, ARN, fetch=lambda _: "\n"), "is empty"),
    ],
)
def test_certificates_that_cannot_be_read_are_named_without_what_they_hold(
    tls: Tls, problem: str
) -> None:
    origin = "https://collector.example.com"

    with pytest.raises(PostError, match=problem) as caught:
        Connections(tls={origin: tls}).post(f"{origin}/v1/traces", BODY, {}, 5.0)

    assert caught.value.failure is Failure.UNREADABLE
    assert "s3cret" not in str(caught.value)


def test_certificates_are_read_again_after_a_failure_but_not_at_each_one(
    strict_receiver: OtlpReceiver, certificate: Path, tmp_path: Path
) -> None:
    other = make_certificate(tmp_path)
    texts = iter([other.read_text(), certificate.read_text()])
    clock = iter([0.0, 1.0, 1.0, 40.0, 40.0])
    tls = Tls(str(certificate), ARN, fetch=lambda _: next(texts), clock=lambda: next(clock))
    connections = Connections(tls={strict_receiver.endpoint: tls})

    for _ in range(3):
        with pytest.raises(PostError):
            connections.post(strict_receiver.endpoint, BODY, {}, 5.0)
    post(connections, strict_receiver.endpoint)
