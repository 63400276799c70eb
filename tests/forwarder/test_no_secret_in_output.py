"""Whatever goes wrong, nothing that the forwarder knows of its collectors is in what it says.

Each case is the deployed handler in a process of its own, with AWS by moto. All that it prints,
puts into queues and keeps in its bucket is searched.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from moto.server import ThreadedMotoServer

from otlp_forwarder.output.responses import Failure
from tests.forwarder.certificates import make_certificate
from tests.forwarder.proxy import HttpProxy
from tests.forwarder.samples import record, subscription_event
from tests.receiver import Answer, OtlpReceiver, Received

pytestmark = pytest.mark.once

RUNTIME = Path(__file__).parents[2] / "runtime"
REGION = "eu-west-1"
KEY, BEARER, PASSWORD = "Kq7Zs3cretHdr01aX", "tOk3n9Wv4uYb34rer", "pAsSw0rdBas1c9"
QUERY, CONFIGURED, LINE = "qRy8Ps3cretQ77", "cNf3Ls3cretC55", "lIn5Es3cretL66"
PROXY, PEM = "pRx6Ms3cretP33", "pEm4Ks3cretP88"
ROLE = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIs3cretK7MDENG",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2Vjs3cretT0K3N",
}
BASIC = base64.b64encode(f"12345:{PASSWORD}".encode()).decode()
SECRETS = (
    *(KEY, BEARER, PASSWORD, BASIC, QUERY, CONFIGURED, LINE, PROXY, PEM),
    *(ROLE["AWS_SECRET_ACCESS_KEY"], ROLE["AWS_SESSION_TOKEN"]),
)
#: So many characters of one are as good as all of it.
PIECE = 8

_DRIVER = """
import json, logging, sys
logging.basicConfig(level=logging.INFO)
logging.getLogger("otlp_forwarder").setLevel(logging.DEBUG)
from otlp_forwarder.handler import handler
class Context:
    function_name = "forwarder"
    def get_remaining_time_in_millis(self):
        return 4_000
for event in json.load(sys.stdin):
    try:
        print(handler(event, Context()))
    except Exception:
        logging.exception("as Lambda logs it")
"""


@dataclass(frozen=True)
class Account:
    """What the forwarder has in AWS."""

    address: str
    variables: Mapping[str, str]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            REGION,
            endpoint_url=self.address,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - no secret
        )

    def keep(self, name: str, text: str) -> str:
        """Keep a secret; return its ARN."""
        secrets = self.client("secretsmanager")
        return str(secrets.create_secret(Name=name, SecretString=text)["ARN"])

    def kept(self) -> Iterator[str]:
        """Yield all that is in queues and bucket, and take it out."""
        sqs, s3 = self.client("sqs"), self.client("s3")
        for queue in sqs.list_queues()["QueueUrls"]:
            while found := sqs.receive_message(
                QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10
            ).get("Messages"):
                for message in found:
                    yield json.dumps(message)
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        for each in s3.list_objects_v2(Bucket="overflow").get("Contents", ()):
            one = s3.get_object(Bucket="overflow", Key=each["Key"])
            yield json.dumps(one["Metadata"]) + one["Body"].read().decode("latin-1")


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    account = Account(f"http://{host}:{port}", {})
    sqs = account.client("sqs")
    account.client("s3").create_bucket(
        Bucket="overflow", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    headers = {"api-key": KEY, "authorization": f"Bearer {BEARER}", "x-basic": f"Basic {BASIC}"}
    variables = {
        "OTLP_FORWARDER_HEADERS_SECRET": account.keep("headers", json.dumps(headers)),
        "OTLP_FORWARDER_REDRIVE_QUEUE": sqs.create_queue(QueueName="redrive")["QueueUrl"],
        "OTLP_FORWARDER_DEAD_LETTER_QUEUE": sqs.create_queue(QueueName="dead")["QueueUrl"],
        "OTLP_FORWARDER_OVERFLOW_BUCKET": "overflow",
    }
    yield Account(account.address, variables)
    server.stop()


@dataclass(frozen=True)
class Place:
    """Where a case happens.

    Args:
        stack: Holds what the case has started.
        folder: For its files.
        account: The account.
    """

    stack: ExitStack
    folder: Path
    account: Account


def _pieces(secret: str) -> set[str]:
    """Return what of a secret must not be seen, however it is written."""
    data = secret.encode()
    forms = [secret, secret[::-1], quote(secret, safe=""), data.hex()]
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        forms.append(text[-(-before * 4 // 3) : -1])
    forms = [form.lower() for form in forms]
    return {form[at : at + PIECE] for form in forms for at in range(len(form) - PIECE + 1)}


PIECES = {piece for secret in SECRETS for piece in _pieces(secret)}


def repeat(status: int, kind: str, received: Received) -> Answer:
    """Answer with all that came, in several ways."""
    text = f"denied: {received.headers} {received.path}"
    text += f" {text[::-1]} {base64.b64encode(text.encode()).decode()} {quote(text, safe='')}"
    body = f"<html>{text}</html>" if kind == "text/html" else text
    if kind == "application/json":
        partial_success = {"rejectedSpans": 1, "errorMessage": text}
        body = json.dumps({"message": text, "partialSuccess": partial_success})
    headers = {"Content-Type": kind, "Location": f"/{received.headers.get('api-key')}?{text[:99]}"}
    headers |= {"X-Amzn-ErrorType": received.headers.get("x-basic", ""), "Retry-After": "600"}
    return Answer(status, headers, body.encode())


def repeated(status: int, kind: str, place: Place) -> dict[str, str]:
    receiver = place.stack.enter_context(OtlpReceiver())
    receiver.inspect = partial(repeat, status, kind)
    return {"OTLP_FORWARDER_ENDPOINT": f"{receiver.endpoint}?token={QUERY}"}


def at(url: str, place: Place) -> dict[str, str]:
    del place
    return {"OTLP_FORWARDER_ENDPOINT": f"{url}/?token={QUERY}"}


def cut(place: Place) -> dict[str, str]:
    receiver = place.stack.enter_context(OtlpReceiver(decide=lambda _: Answer(None)))
    return {"OTLP_FORWARDER_ENDPOINT": f"{receiver.endpoint}?token={QUERY}"}


def nobody(place: Place, scheme: str = "http") -> dict[str, str]:
    taken = place.stack.enter_context(socket.socket())
    taken.bind(("127.0.0.1", 0))
    return {"OTLP_FORWARDER_ENDPOINT": f"{scheme}://127.0.0.1:{taken.getsockname()[1]}/?t={QUERY}"}


def no_tls(place: Place) -> dict[str, str]:
    receiver = place.stack.enter_context(OtlpReceiver())
    address = receiver.endpoint.replace("http:", "https:")
    return {"OTLP_FORWARDER_ENDPOINT": f"{address}?token={QUERY}"}


def not_trusted(place: Place) -> dict[str, str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(place.folder))
    receiver = place.stack.enter_context(OtlpReceiver(tls=context))
    return {"OTLP_FORWARDER_ENDPOINT": f"{receiver.endpoint}?token={QUERY}"}


def by_proxy(refusal: bytes, scheme: str, place: Place) -> dict[str, str]:
    proxy = place.stack.enter_context(HttpProxy(refusal))
    return {
        "OTLP_FORWARDER_ENDPOINT": f"{scheme}://collector.invalid/?token={QUERY}",
        f"{scheme.upper()}_PROXY": f"http://user:{PROXY}@{proxy.address}",
    }


def no_proxy_there(place: Place) -> dict[str, str]:
    address = nobody(place)["OTLP_FORWARDER_ENDPOINT"].split("/")[2]
    return {
        "OTLP_FORWARDER_ENDPOINT": f"https://collector.invalid/?token={QUERY}",
        "HTTPS_PROXY": f"http://user:{PROXY}@{address}",
    }


def unreadable(text: str, place: Place) -> dict[str, str]:
    arn = place.account.keep(f"unreadable-{abs(hash(text))}", text)
    return cut(place) | {"OTLP_FORWARDER_HEADERS_SECRET": arn}


def not_there(place: Place) -> dict[str, str]:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone-AbCdEf"
    return cut(place) | {"OTLP_FORWARDER_HEADERS_SECRET": arn}


def no_certificate(variable: str, place: Place) -> dict[str, str]:
    pem = f"-----BEGIN PRIVATE KEY-----\n{PEM}\n-----END PRIVATE KEY-----\n"
    arn = place.account.keep(f"pem-{variable}", pem)
    return nobody(place, "https") | {f"OTLP_FORWARDER_{variable}": arn}


def no_queues(place: Place) -> dict[str, str]:
    gone = f"{place.account.address}/123456789012/gone"
    names = ("OTLP_FORWARDER_REDRIVE_QUEUE", "OTLP_FORWARDER_DEAD_LETTER_QUEUE")
    return repeated(400, "text/plain", place) | dict.fromkeys(names, gone)


def set_wrong(variable: str, value: str, place: Place) -> dict[str, str]:
    return cut(place) | {variable: value}


STATUSES = (200, 301, 400, 401, 403, 404, 407, 413, 415, 429, 500, 503)
#: By what happens; the failures that a case brings about are named.
CASES: dict[str, Callable[[Place], dict[str, str]]] = {
    **{
        f"{status} {kind}": partial(repeated, status, kind)
        for status in STATUSES
        for kind in ("text/plain", "application/json")
    },
    Failure.WEB_PAGE.name: partial(repeated, 200, "text/html"),
    Failure.NO_RESPONSE.name: cut,
    "nobody": nobody,
    "no name": partial(at, "http://no-such-host.invalid"),
    "no TLS": no_tls,
    Failure.NOT_HTTP.name: partial(by_proxy, b"\0\0\x12\x04\0\0\0\0\0", "http"),
    Failure.CERTIFICATE.name: not_trusted,
    Failure.PROXY.name: partial(
        by_proxy, f"HTTP/1.1 407 {PROXY}\r\nA: {PROXY}\r\n\r\n".encode(), "https"
    ),
    "plain by a proxy that refuses": partial(by_proxy, b"HTTP/1.1 403 no\r\n\r\n", "http"),
    "no proxy": no_proxy_there,
    "proxy that is none": partial(by_proxy, f"{PROXY}\r\n\r\n".encode(), "https"),
    Failure.UNREADABLE.name: not_there,
    "secret without names": partial(unreadable, KEY),
    "secret with a bad value": partial(unreadable, json.dumps({"a b": KEY})),
    "secret with a line break": partial(unreadable, json.dumps({"a": f"{KEY}\r\nb: c"})),
    **{
        f"no {name}": partial(no_certificate, name)
        for name in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
    },
    "no queues": no_queues,
    "endpoint with a password": partial(
        set_wrong, "OTLP_FORWARDER_ENDPOINT", f"https://user:{KEY}@collector.invalid"
    ),
    "secret in place of its ARN": partial(set_wrong, "OTLP_FORWARDER_HEADERS_SECRET", KEY),
    "headers that are none": partial(set_wrong, "OTLP_FORWARDER_HEADERS", f"{KEY},{BEARER}"),
    "proxy that is no URL": partial(set_wrong, "HTTPS_PROXY", f"socks5://user:{PROXY}@x"),
}


@pytest.mark.parametrize("case", CASES)
def test_no_secret_is_in_any_output(case: str, account: Account, tmp_path: Path) -> None:
    # CloudWatch takes no old spans.
    spans = partial(record, ended=time.time_ns())
    events = [
        subscription_event(spans("a", headers={"x-line": LINE}), spans("b")),
        subscription_event(spans("c", payload=KEY), f'{{"__otel_otlp_stdout": "{KEY}'),
        subscription_event(spans("d")),
    ]
    with ExitStack() as stack:
        variables = CASES[case](Place(stack, tmp_path, account))
        done = subprocess.run(
            [sys.executable, "-c", _DRIVER],
            input=json.dumps(events),
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(RUNTIME),
                "AWS_DEFAULT_REGION": REGION,
                "AWS_REGION": REGION,
                "AWS_ENDPOINT_URL": account.address,
                "NO_PROXY": account.address.removeprefix("http://"),
                **ROLE,
                **account.variables,
                "OTLP_FORWARDER_HEADERS": f"x-conf={CONFIGURED}",
                "OTLP_FORWARDER_ALLOWED_HEADERS": "x-line",
                # Whatever wants a signature may repeat it, and the token beside it.
                "OTLP_FORWARDER_SIGV4_SERVICE": "xray",
                "OTLP_FORWARDER_SIGV4_REGION": REGION,
                **variables,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        kept = [*account.kept()]

    said = f"{done.stdout}{done.stderr}"
    # Something went wrong, and was told.
    assert "WARNING" in said or "ERROR" in said
    # The lines of functions are kept as they are; these say so themselves.
    assert [piece for piece in PIECES if piece in said.lower()] == []
    kept = [one.replace(KEY, "").replace(LINE, "") for one in kept]
    assert [piece for piece in PIECES if piece in "".join(kept).lower()] == []


def test_every_failure_has_a_case() -> None:
    asked = {Failure.NOT_ASKED, Failure.SWITCHED_OFF}  # of others, and a response like others

    assert {failure.name for failure in Failure if failure not in asked} <= CASES.keys()
