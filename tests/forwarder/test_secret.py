"""Headers come from where secrets are kept, and go to the settings' own collector alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from otlp_forwarder.output.secret import SecretError, SecretHeaders, parse_headers
from tests.forwarder.conftest import Run, names
from tests.forwarder.samples import record, subscription_event
from tests.receiver import Answer, OtlpReceiver

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:collector-AbCdEf"


class Vault:
    """A secret that can be changed, and that knows how often it was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reads = 0
        self.now = 1000.0

    def fetch(self, _arn: str) -> str:
        self.reads += 1
        return self.text

    def headers(self) -> SecretHeaders:
        return SecretHeaders(ARN, fetch=self.fetch, clock=lambda: self.now)


def guarded(receiver: OtlpReceiver, key: str, status: int = 401) -> None:
    """Let the receiver take only requests with a key."""
    receiver.authorize = lambda headers: None if headers.get("api-key") == key else Answer(status)


def test_the_headers_are_read_once_and_sent_with_every_request(
    receiver: OtlpReceiver, run: Run
) -> None:
    vault = Vault('{"API-Key": "k1"}')
    secret = vault.headers()
    guarded(receiver, "k1")

    for name in "abc":
        run(subscription_event(record(name)), secret=secret)

    assert names(receiver) == ["a", "b", "c"]
    assert vault.reads == 1


@pytest.mark.parametrize("status", [401, 403])
def test_new_headers_are_read_when_the_old_ones_are_refused(
    status: int, receiver: OtlpReceiver, run: Run
) -> None:
    vault = Vault("api-key=k1")
    secret = vault.headers()
    guarded(receiver, "k1", status)
    run(subscription_event(record("a")), secret=secret)

    vault.text = "api-key=k2"
    vault.now += 60
    guarded(receiver, "k2", status)
    result = run(subscription_event(record("b")), secret=secret)

    assert names(receiver) == ["a", "b"]
    assert not result.failures
    assert vault.reads == 2


def test_a_collector_that_refuses_good_headers_does_not_cost_a_reading_each(
    receiver: OtlpReceiver, run: Run
) -> None:
    vault = Vault("api-key=k1")
    secret = vault.headers()
    receiver.authorize = lambda _headers: Answer(403)

    results = [run(subscription_event(record("a")), secret=secret) for _ in range(5)]

    assert all(result.failures == [""] for result in results)
    assert vault.reads == 1
    assert len(receiver.requests) == 5


def test_a_secret_that_cannot_be_read_leaves_the_event_to_the_platform(
    receiver: OtlpReceiver, run: Run
) -> None:
    def fetch(_arn: str) -> str:
        raise PermissionError("not authorized to perform secretsmanager:GetSecretValue")

    result = run(subscription_event(record("a")), secret=SecretHeaders(ARN, fetch=fetch))

    assert result.failures == [""]
    assert "OTLP_FORWARDER_HEADERS_SECRET cannot be read: not authorized" in result.reason
    assert not receiver.requests


def test_a_line_chooses_endpoint_and_headers_only_from_the_lists(
    receiver: OtlpReceiver, run: Run
) -> None:
    """An endpoint that is allowed gets the spans, and never the secret."""
    with OtlpReceiver() as allowed, OtlpReceiver() as other:
        headers = {"X-Team": "one", "api-key": "forged", "x-bad": "no\r\nx: y"}
        lines = [
            record("a", endpoint=f"{allowed.endpoint}/v1/traces", headers=headers),
            record("b", endpoint=f"{other.endpoint}/v1/traces", headers={"x-team": "two"}),
            record("c", headers={"x-team": ["two"], "x-bad": "x\r\ny: z"}),
            record("d", headers={"x-team": "two", "content-type": "text/html"}),
            record("e", endpoint=f"{allowed.endpoint}/v1/traces"),
        ]
        run(
            subscription_event(*lines),
            secret=Vault("api-key=k1").headers(),
            allowed_endpoints=frozenset({f"{allowed.endpoint}/v1/traces"}),
            allowed_headers=frozenset({"x-team", "x-bad"}),
        )

        teams = {each.spans[0].name: each.headers.get("x-team") for each in allowed.requests}
        assert teams == {"a": "one", "e": None}
        assert not any("api-key" in request.headers for request in allowed.requests)
        assert not other.requests
    grouped = {
        request.headers.get("x-team"): [span.name for span in request.spans]
        for request in receiver.requests
    }
    assert grouped == {"two": ["b", "d"], None: ["c"]}
    assert {request.headers["api-key"] for request in receiver.requests} == {"k1"}
    assert {request.headers["content-type"] for request in receiver.requests} == {
        "application/x-protobuf"
    }


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ('{"Authorization": "Bearer x=y,z"}', {"authorization": "Bearer x=y,z"}),
        ("api-key=abc==, x-team = one", {"api-key": "abc==", "x-team": "one"}),
        ("Authorization=Basic%20Zm9v,x=a%2Cb", {"authorization": "Basic Zm9v", "x": "a,b"}),
        ('{"Authorization": "Basic%20Zm9v"}', {"authorization": "Basic Zm9v"}),
        (f"authorization=Bearer%20{'j' * 3000}", {"authorization": f"Bearer {'j' * 3000}"}),
    ],
)
def test_both_ways_to_write_headers_are_read(text: str, headers: dict[str, str]) -> None:
    assert parse_headers(text) == headers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        '"s3cret"',
        "[]",
        "{}",
        '{"s3cret": 1}',
        '{"a": "s3cret\\r\\nb: c"}',
        '{"a b": "s3cret"}',
        '{"host": "s3cret"}',
        '{"a": ""}',
        "a=s3cret%0D%0Ab: c",
        "a=s3cr%C3%A9t",
        "ho%73t=s3cret",
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(SecretError, match="must be a JSON object") as error:
        parse_headers(text)

    assert "s3cret" not in str(error.value)


def test_nothing_of_the_secret_is_logged(
    receiver: OtlpReceiver, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.decide = lambda _: Answer(500)
    receiver.answers.extend([Answer(None), Answer(401), Answer(400)])
    for _ in range(4):
        result = run(subscription_event(record("a")), secret=Vault("api-key=s3cret").headers())
        assert "s3cret" not in result.reason

    assert "s3cret" not in caplog.text


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account in memory."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def kept_in_secrets_manager() -> Any:
    client = boto3.client("secretsmanager", "eu-west-1")
    return client.create_secret(Name="collector", SecretString=json.dumps({"api-key": "k1"}))["ARN"]


def kept_in_ssm(name: str) -> str:
    client = boto3.client("ssm", "eu-west-1")
    client.put_parameter(Name=name, Value="api-key=k1", Type="SecureString")
    return f"arn:aws:ssm:eu-west-1:123456789012:parameter/{name.removeprefix('/')}"


@pytest.mark.usefixtures("aws")
def test_a_secret_is_found_by_its_arn() -> None:
    assert SecretHeaders(kept_in_secrets_manager()).get() == {"api-key": "k1"}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("name", ["/collector/headers", "collector"])
def test_a_parameter_is_found_by_its_arn(name: str) -> None:
    """The ARNs of parameters with and without a path are written alike."""
    assert SecretHeaders(kept_in_ssm(name)).get() == {"api-key": "k1"}
