"""The handler as Lambda calls it: settings from the environment, failure by exception."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otlp_forwarder import handler as module
from otlp_forwarder.delivery import DeliveryError
from otlp_forwarder.handler import handler
from otlp_forwarder.settings import SettingsError
from tests.forwarder.samples import record, subscription_event
from tests.receiver import Answer, OtlpReceiver


class Context:
    """Lambda's context of an invocation that just began."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture(autouse=True)
def new_environment(receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the last test's collector, as a new execution environment does."""
    monkeypatch.setenv("OTLP_FORWARDER_ENDPOINT", receiver.endpoint)
    module._environment.cache_clear()
    yield
    module._environment()[1].close()
    module._environment.cache_clear()


def test_the_records_of_one_event_arrive_as_one_request(receiver: OtlpReceiver) -> None:
    event = subscription_event(record("a", "b"), "START RequestId: 1", record("c"))

    assert handler(event, Context()) == {"records": 2, "requests": 1, "malformed": 1}

    (received,) = receiver.requests
    assert received.path == "/v1/traces"
    assert received.headers["Content-Type"] == "application/x-protobuf"
    assert received.headers["Content-Encoding"] == "gzip"
    assert [span.name for span in received.spans] == ["a", "b", "c"]


def test_invocations_share_one_connection(receiver: OtlpReceiver) -> None:
    for name in "abc":
        handler(subscription_event(record(name)), Context())

    assert [span.name for span in receiver.spans] == ["a", "b", "c"]
    assert receiver.connections == 1


def test_the_control_message_is_answered_without_a_request(receiver: OtlpReceiver) -> None:
    event = subscription_event("CWL CONTROL MESSAGE: Checking health", kind="CONTROL_MESSAGE")

    assert handler(event, Context()) == {"records": 0, "requests": 0, "malformed": 0}
    assert not receiver.requests


def test_what_the_collector_refuses_fails_the_invocation(receiver: OtlpReceiver) -> None:
    receiver.answers.append(Answer(400))

    with pytest.raises(DeliveryError, match="status 400"):
        handler(subscription_event(record("a")), Context())

    assert len(receiver.requests) == 1


def test_a_missing_endpoint_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("OTLP_FORWARDER_ENDPOINT")
        with pytest.raises(SettingsError, match="OTLP_FORWARDER_ENDPOINT"):
            handler(subscription_event(record("a")), Context())
