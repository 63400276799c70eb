"""Delivery to a collector that fails: what is tried again, when, and for how long."""

from __future__ import annotations

import datetime as dt
import email.utils
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from otlp_forwarder.delivery import Collector, DeliveryError
from tests.forwarder.samples import request
from tests.receiver import Answer, OtlpReceiver

REQUEST = request("a").SerializeToString()


class Clock:
    """A clock that only waiting moves, and that remembers the waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def collector(receiver: OtlpReceiver, clock: Clock) -> Iterator[Collector]:
    """A collector whose random numbers are all one half, so that waits are known."""
    url = urlsplit(f"{receiver.endpoint}/v1/traces")
    collector = Collector(url, clock=clock, wait=clock.wait, jitter=lambda: 0.5)
    yield collector
    collector.close()


@pytest.mark.parametrize("status", [429, 502, 503, 504, None])
def test_a_passing_failure_is_tried_again(
    status: int | None, receiver: OtlpReceiver, collector: Collector, clock: Clock
) -> None:
    """None: the connection is cut instead of an answer."""
    receiver.answers.extend([Answer(status)] * 3)

    collector.deliver(REQUEST, 30.0)

    assert [span.name for span in receiver.spans] == ["a"]
    assert clock.waits == [0.05, 0.1, 0.2]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 500])
def test_a_lasting_failure_is_not_tried_again(
    status: int, receiver: OtlpReceiver, collector: Collector, clock: Clock
) -> None:
    receiver.answers.append(Answer(status, {"Location": receiver.endpoint}))

    with pytest.raises(DeliveryError, match=f"status {status}"):
        collector.deliver(REQUEST, 30.0)

    assert len(receiver.requests) == 1
    assert not clock.waits


def test_the_collectors_wish_for_a_pause_is_granted(
    receiver: OtlpReceiver, collector: Collector, clock: Clock
) -> None:
    receiver.answers.append(Answer(429, {"Retry-After": "7"}))

    collector.deliver(REQUEST, 30.0)

    assert clock.waits == [7.0]
    assert len(receiver.spans) == 1


def test_a_pause_may_be_given_as_a_date(
    receiver: OtlpReceiver, collector: Collector, clock: Clock
) -> None:
    then = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    receiver.answers.append(Answer(503, {"Retry-After": email.utils.format_datetime(then)}))

    collector.deliver(REQUEST, 7200.0)

    (wait,) = clock.waits
    assert 3000 < wait <= 3600


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9", "Mon, 99 Foo 2026"])
def test_a_pause_that_cannot_be_read_is_an_ordinary_back_off(
    nonsense: str, receiver: OtlpReceiver, collector: Collector, clock: Clock
) -> None:
    receiver.answers.append(Answer(503, {"Retry-After": nonsense}))

    collector.deliver(REQUEST, 30.0)

    assert clock.waits == [0.05]


def test_no_time_is_waited_for_a_try_that_comes_too_late(
    receiver: OtlpReceiver, collector: Collector, clock: Clock
) -> None:
    receiver.answers.append(Answer(503, {"Retry-After": "60"}))

    with pytest.raises(DeliveryError, match=r"gave up after 1 tries.*status 503"):
        collector.deliver(REQUEST, 30.0)

    assert not clock.waits


def test_a_collector_that_stays_down_is_given_up_in_time(
    receiver: OtlpReceiver, collector: Collector, clock: Clock
) -> None:
    receiver.answers.extend([Answer(503)] * 100)

    with pytest.raises(DeliveryError, match="status 503"):
        collector.deliver(REQUEST, 30.0)

    assert max(clock.waits) == 2.5  # half of the longest back-off
    assert 25.0 < clock.now < 30.0


def test_a_refused_connection_is_tried_again(clock: Clock) -> None:
    with OtlpReceiver() as gone:
        url = urlsplit(f"{gone.endpoint}/v1/traces")
    collector = Collector(url, clock=clock, wait=clock.wait, jitter=lambda: 0.5)

    with pytest.raises(DeliveryError, match="ConnectionRefusedError"):
        collector.deliver(REQUEST, 1.0)

    assert clock.waits == [0.05, 0.1, 0.2, 0.4]


def test_without_time_nothing_is_sent(receiver: OtlpReceiver, collector: Collector) -> None:
    with pytest.raises(DeliveryError, match="no time left"):
        collector.deliver(REQUEST, 0.0)

    assert not receiver.requests


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for loopback, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    encoding = serialization.Encoding.PEM
    unencrypted = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, unencrypted)
        + signed.public_bytes(encoding)
    )
    return path


@pytest.fixture
def tls_receiver(certificate: Path) -> Iterator[OtlpReceiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with OtlpReceiver(tls=context) as receiver:
        yield receiver


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls_receiver: OtlpReceiver, clock: Clock
) -> None:
    url = urlsplit(f"{tls_receiver.endpoint}/v1/traces")
    collector = Collector(url, clock=clock, wait=clock.wait)

    with pytest.raises(DeliveryError, match="certificate refused: self-signed certificate"):
        collector.deliver(REQUEST, 30.0)

    assert not tls_receiver.requests
    assert not clock.waits


def test_a_trusted_certificate_is_accepted(
    tls_receiver: OtlpReceiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    collector = Collector(urlsplit(f"{tls_receiver.endpoint}/v1/traces"))

    collector.deliver(REQUEST, 30.0)
    collector.close()

    assert len(tls_receiver.spans) == 1
