"""What backends ask of a request: signature, encoding, headers, paths."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from otlp_forwarder import handler as module
from otlp_forwarder.handler import DeliveryError, handler
from otlp_forwarder.output.encodings import MOST_PROBES
from otlp_forwarder.version import __version__
from tests.forwarder.aws import KEY, SECRET, TOKEN, refusal
from tests.forwarder.conftest import Run, names
from tests.forwarder.samples import record, subscription_event
from tests.forwarder.test_handler import Context
from tests.receiver import Answer, OtlpReceiver, Received


@pytest.fixture
def environment(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """A new execution environment of a function that has a role."""
    monkeypatch.setenv("OTLP_FORWARDER_ENDPOINT", receiver.endpoint)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    module.forwarder.cache_clear()
    yield monkeypatch
    module.forwarder().close()
    module.forwarder.cache_clear()


@pytest.fixture
def cloudwatch(receiver: OtlpReceiver, environment: pytest.MonkeyPatch) -> OtlpReceiver:
    """A receiver that takes only what is signed, and a forwarder that is told to sign."""
    receiver.inspect = lambda received: refusal(received, receiver.endpoint)
    environment.setenv("OTLP_FORWARDER_SIGV4_SERVICE", "xray")
    return receiver


def recent(name: str) -> str:
    """Return a log record of now: CloudWatch takes no old spans."""
    return record(name, ended=time.time_ns())


def test_requests_to_cloudwatch_are_signed_with_the_functions_role(
    cloudwatch: OtlpReceiver,
) -> None:
    handler(subscription_event(recent("a")), Context())

    assert names(cloudwatch) == ["a"]
    assert "content-encoding" in cloudwatch.requests[0].headers


def test_each_try_is_signed_anew(cloudwatch: OtlpReceiver, environment: pytest.MonkeyPatch) -> None:
    """With the credentials of that moment: here they are renewed while a request is under way."""

    def fail_once(received: Received) -> Answer | None:
        if len(cloudwatch.requests) > 0:
            return refusal(received, cloudwatch.endpoint)
        environment.setenv("AWS_SESSION_TOKEN", TOKEN)
        return Answer(503)

    environment.setenv("AWS_SESSION_TOKEN", "expired")
    cloudwatch.inspect = fail_once

    handler(subscription_event(recent("a")), Context())

    assert names(cloudwatch) == ["a"]


@pytest.mark.parametrize("minutes", [-61, 61])
@pytest.mark.parametrize("status", [400, 403])
def test_where_the_clocks_differ_the_servers_is_taken(
    status: int, minutes: int, cloudwatch: OtlpReceiver
) -> None:
    def late(received: Received) -> Answer | None:
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        return refusal(received, cloudwatch.endpoint, now=now, status=status)

    cloudwatch.inspect = late

    handler(subscription_event(recent("a")), Context())
    handler(subscription_event(recent("b")), Context())

    assert names(cloudwatch) == ["a", "b"]
    assert [request.status for request in cloudwatch.requests] == [status, 200, 200]


@pytest.mark.parametrize("status", [400, 403])
def test_credentials_that_ended_are_read_again(
    status: int, cloudwatch: OtlpReceiver, environment: pytest.MonkeyPatch
) -> None:
    """They are renewed while the request is under way."""

    def renew(received: Received) -> Answer | None:
        environment.setenv("AWS_SESSION_TOKEN", TOKEN)
        return refusal(received, cloudwatch.endpoint, status=status)

    environment.setenv("AWS_SESSION_TOKEN", "ended")
    cloudwatch.inspect = renew

    handler(subscription_event(recent("a")), Context())

    assert [request.status for request in cloudwatch.requests] == [status, 200]


@pytest.mark.parametrize("status", [400, 403])
def test_a_signature_that_stays_wrong_is_held_whole(status: int, cloudwatch: OtlpReceiver) -> None:
    """It is not divided, nor is each part of it."""
    cloudwatch.inspect = lambda received: refusal(
        received, cloudwatch.endpoint, region="eu-west-2", status=status
    )

    with pytest.raises(DeliveryError, match="does not match"):
        handler(subscription_event(recent("a"), recent("b")), Context())

    assert len(cloudwatch.requests) == 1


def test_a_role_without_the_permission_leaves_the_event_to_the_platform(
    cloudwatch: OtlpReceiver,
) -> None:
    words = b'{"message": "User: x is not authorized to perform: xray:PutTraceSegments"}'
    cloudwatch.inspect = lambda _: Answer(403, body=words)

    with pytest.raises(DeliveryError, match="403"):
        handler(subscription_event(recent("a")), Context())

    assert len(cloudwatch.requests) == 1


def test_only_the_settings_own_collector_gets_a_signature(
    cloudwatch: OtlpReceiver, environment: pytest.MonkeyPatch
) -> None:
    with OtlpReceiver() as other:
        environment.setenv("OTLP_FORWARDER_ALLOWED_ENDPOINTS", f"{other.endpoint}/v1/traces")
        environment.setenv("OTLP_FORWARDER_HEADERS", "x-team=own")
        handler(subscription_event(record("a", endpoint=f"{other.endpoint}/v1/traces")), Context())

        assert names(other) == ["a"]
        assert not {"authorization", "x-amz-security-token", "x-team"} & set(
            other.requests[0].headers
        )


def test_the_user_agent_says_which_exporter_it_is(receiver: OtlpReceiver, run: Run) -> None:
    """https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent."""
    run(subscription_event(record("a")))

    said = receiver.requests[0].headers["user-agent"]
    assert said.endswith(f"OTel-OTLP-Exporter-Python/{__version__}")


def test_headers_of_the_settings_are_sent_and_those_of_a_line_go_before(
    receiver: OtlpReceiver, run: Run
) -> None:
    run(
        subscription_event(record("a", headers={"x-team": "line"})),
        headers={"x-team": "settings", "x-dataset": "b", "user-agent": "mine"},
        allowed_headers=frozenset({"x-team"}),
    )

    headers = receiver.requests[0].headers
    assert (headers["x-team"], headers["x-dataset"]) == ("line", "b")
    assert headers["user-agent"] == "mine"


def test_a_path_and_a_query_are_kept(receiver: OtlpReceiver, run: Run) -> None:
    run(
        subscription_event(record("a")),
        endpoint=f"{receiver.endpoint}/otlp%20in/v1/traces?api-version=1&b",
    )

    assert receiver.requests[0].path == "/otlp%20in/v1/traces?api-version=1&b"


def plain_only(receiver: OtlpReceiver, status: int) -> None:
    """Let a receiver refuse what is compressed."""
    receiver.authorize = lambda h: Answer(status) if "content-encoding" in h else None


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("status", [400, 415])
def test_where_gzip_is_refused_requests_are_sent_without_from_then_on(
    status: int, receiver: OtlpReceiver
) -> None:
    plain_only(receiver, status)

    for name in "abc":
        handler(subscription_event(record(name)), Context())

    assert names(receiver) == ["a", "b", "c"]
    assert [request.status for request in receiver.requests] == [status, 200, 200, 200]


def test_a_bad_span_does_not_hide_that_gzip_is_refused(receiver: OtlpReceiver, run: Run) -> None:
    plain_only(receiver, 400)
    receiver.decide = lambda spans: Answer(400 if "bad" in {s.name for s in spans} else 200)

    run(subscription_event(*map(record, [*"abcdefg", "bad"])), dead_letter_queue="dead")

    assert sorted(names(receiver)) == [*"abcdefg"]


def test_a_collector_that_refuses_everything_is_asked_twice_a_few_times_only(
    receiver: OtlpReceiver, run: Run
) -> None:
    receiver.decide = lambda _: Answer(400)

    run(subscription_event(*map(record, map(str, range(32)))), dead_letter_queue="dead")

    assert len([r for r in receiver.requests if "content-encoding" not in r.headers]) == MOST_PROBES


@pytest.mark.usefixtures("environment")
def test_a_collector_that_took_gzip_is_not_sent_a_refused_request_twice(
    receiver: OtlpReceiver,
) -> None:
    handler(subscription_event(record("a")), Context())
    receiver.answers.append(Answer(400))

    with pytest.raises(DeliveryError):
        handler(subscription_event(record("b")), Context())

    assert [request.status for request in receiver.requests] == [200, 400]


def test_nothing_is_compressed_on_demand(receiver: OtlpReceiver, run: Run) -> None:
    run(subscription_event(record("a")), compression="none")

    (request,) = receiver.requests
    assert "content-encoding" not in request.headers
    assert request.sent == request.body
