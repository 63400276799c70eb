"""The handler as Lambda calls it: settings from the environment, failure by exception."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from otlp_forwarder import handler as module
from otlp_forwarder.handler import DeliveryError, handler
from otlp_forwarder.values import SettingsError
from tests.forwarder.samples import log_data, record, stream_event, subscription_event
from tests.receiver import Answer, OtlpReceiver

RESPONSE = {"requests": 1}


class Context:
    """Lambda's context of an invocation that just began."""

    function_name = "forwarder"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture(autouse=True)
def new_environment(receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the last test's forwarder, as a new execution environment does."""
    monkeypatch.setenv("OTLP_FORWARDER_ENDPOINT", receiver.endpoint)
    module.forwarder.cache_clear()
    yield
    module.forwarder().close()
    module.forwarder.cache_clear()


def test_the_records_of_one_event_arrive_as_one_request(receiver: OtlpReceiver) -> None:
    event = subscription_event(record("a", "b"), "START RequestId: 1", record("c"))

    assert handler(event, Context()) == RESPONSE | {"records": 2, "spans": 3, "malformed": 1}

    (received,) = receiver.requests
    assert received.path == "/v1/traces"
    assert received.headers["content-type"] == "application/x-protobuf"
    assert received.headers["content-encoding"] == "gzip"
    assert [span.name for span in received.spans] == ["a", "b", "c"]


def test_invocations_share_one_connection(receiver: OtlpReceiver) -> None:
    for name in "abc":
        handler(subscription_event(record(name)), Context())

    assert [span.name for span in receiver.spans] == ["a", "b", "c"]
    assert receiver.connections == 1


def test_an_event_of_nobody_known_is_counted_and_not_asked_for_again(
    receiver: OtlpReceiver,
) -> None:
    assert handler({"Records": [{"eventSource": "aws:s3"}]}, Context()) == {
        "records": 0,
        "spans": 0,
        "requests": 0,
        "malformed": 1,
    }
    assert not receiver.requests


def test_the_control_message_is_answered_without_a_request(receiver: OtlpReceiver) -> None:
    event = subscription_event("CWL CONTROL MESSAGE: Checking health", kind="CONTROL_MESSAGE")

    assert handler(event, Context()) == {
        "records": 0,
        "spans": 0,
        "requests": 0,
        "malformed": 0,
    }
    assert not receiver.requests


def test_what_the_collector_refuses_fails_the_invocation(receiver: OtlpReceiver) -> None:
    receiver.answers.append(Answer(422))

    with pytest.raises(DeliveryError, match="status 422"):
        handler(subscription_event(record("a")), Context())

    assert len(receiver.requests) == 1


def test_what_a_stream_must_keep_is_reported_by_its_number(receiver: OtlpReceiver) -> None:
    receiver.answers.append(Answer(500))

    response = handler(stream_event(log_data(), log_data(record("a"))), Context())

    assert response == {"batchItemFailures": [{"itemIdentifier": "101"}]}


def test_numbers_become_metrics(receiver: OtlpReceiver, capsys: pytest.CaptureFixture[str]) -> None:
    receiver.answers.append(Answer(502))
    handler(subscription_event(record("a", "b"), "nonsense"), Context())

    metrics = json.loads(capsys.readouterr().out)
    (definition,) = metrics["_aws"]["CloudWatchMetrics"]
    assert definition["Namespace"] == "OtlpForwarder"
    assert definition["Dimensions"] == [["FunctionName"]]
    assert metrics["FunctionName"] == "forwarder"
    values = {metric["Name"]: metrics[metric["Name"]] for metric in definition["Metrics"]}
    sent = int(receiver.requests[0].headers["content-length"])
    (lag,) = values.pop("Lag")
    assert lag > 0
    assert values == {
        "Records": 1,
        "Spans": 2,
        "Requests": 2,
        "Retries": 1,
        "Bytes": 2 * sent,
        "Rejected": 0,
        "Undelivered": 0,
        "Held": 0,
        "Malformed": 1,
    }


def test_a_missing_endpoint_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("OTLP_FORWARDER_ENDPOINT")
        with pytest.raises(SettingsError, match="OTLP_FORWARDER_ENDPOINT"):
            handler(subscription_event(record("a")), Context())
