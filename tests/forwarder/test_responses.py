"""The table of responses, row by row: what becomes of a request, and who keeps its spans."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.retries.standard import ThrottledRetryableChecker

from otlp_forwarder.output.aws_errors import AwsError
from otlp_forwarder.output.responses import (
    RULES,
    Action,
    Failure,
    Meaning,
    Response,
    action_after,
)
from otlp_forwarder.output.secret import SecretHeaders
from tests.forwarder.conftest import Mailbox, Run
from tests.forwarder.samples import record, subscription_event
from tests.receiver import Answer, OtlpReceiver

REDRIVE, DEAD = "https://queue/redrive", "https://queue/dead"
QUEUES: dict[str, Any] = {"redrive_queue": REDRIVE, "dead_letter_queue": DEAD}
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:collector-AbCdEf"

#: AWS names an error by a header, or in a body that is JSON or, of what does not know the kind of a
#: request, XML: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
CARRIERS: dict[str, Callable[[str], tuple[dict[str, str], bytes]]] = {
    "header": lambda name: ({"x-amzn-ErrorType": f"{name}:http://internal.example/"}, b"no"),
    "__type": lambda name: ({}, json.dumps({"__type": f"aws.api#{name}", "m": ""}).encode()),
    "code": lambda name: ({}, json.dumps({"message": "no", "code": name}).encode()),
    "nested code": lambda name: ({}, json.dumps({"Error": {"Code": name}}).encode()),
    "XML": lambda name: ({}, f"<{name}>\n<Message>no</Message></{name}>".encode()),
    "XML code": lambda name: (
        {},
        f'<?xml version="1.0"?><Errors><Error><Code>{name}</Code></Error></Errors>'.encode(),
    ),
}


def aws(name: str, status: int = 400, carrier: str = "__type") -> Answer:
    """Return an error as AWS's services give it."""
    headers, body = CARRIERS[carrier](name)
    return Answer(status, headers, body)


#: None: the connection is cut.
ROWS: list[tuple[int | Answer | None, Action]] = [
    *((status, Action.DELIVERED) for status in (200, 202, 299)),
    *((status, Action.RETRY) for status in (429, 502, 503, 504, None)),
    *((status, Action.RENEW) for status in (401, 403)),
    *((status, Action.DIVIDE) for status in (400, 413, 422)),
    *((status, Action.HOLD) for status in (300, 301, 307, 399, 402, 404, 405, 407, 421, 451)),
    *((status, Action.SET_ASIDE) for status in (406, 415, 499)),
    *((status, Action.LATER) for status in (408, 425, 500, 501, 505, 599)),
    *((aws("ExpiredTokenException", carrier=each), Action.RENEW) for each in CARRIERS),
    *((aws("SignatureDoesNotMatch", status), Action.RENEW) for status in (400, 403, 404, 500)),
    *((aws("ThrottlingException", status), Action.RETRY) for status in (400, 403, 429, 500)),
    *((aws("OptInRequired", status), Action.HOLD) for status in (400, 403)),
    *((aws(name), Action.DIVIDE) for name in ("ValidationException", "Unheard0f", "", "7")),
    (aws("RequestEntityTooLargeException", 413), Action.DIVIDE),
    *((Answer(400, body=body), Action.DIVIDE) for body in (b"<", b"<p>Forbidden", b"[[", b"{}")),
]


@dataclass
class Seen:
    """What is seen of an action where the collector always responds the same to two spans."""

    requests: int = 1
    spans: int = 0
    readings: int = 1
    kept_by_platform: bool = False
    dead_letters: int = 0
    held: int = 0


EXPECTED = {
    Action.DELIVERED: Seen(spans=2),
    # Once more: the second response asks for a pause that is longer than the time that is left.
    Action.RETRY: Seen(requests=2, kept_by_platform=True),
    Action.RENEW: Seen(readings=2, kept_by_platform=True, held=2),
    Action.HOLD: Seen(kept_by_platform=True, held=2),
    Action.DIVIDE: Seen(requests=3, dead_letters=1),
    Action.SET_ASIDE: Seen(dead_letters=1),
    Action.LATER: Seen(kept_by_platform=True),
}


@pytest.mark.parametrize(("answer", "action"), ROWS, ids=str)
def test_each_response_has_the_action_of_its_row(
    answer: int | Answer | None, action: Action, receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    first = answer if isinstance(answer, Answer) else Answer(answer)
    receiver.answers.append(first)
    receiver.decide = lambda _: Answer(
        first.status or 503, first.headers | {"Retry-After": "600"}, first.body
    )
    readings: list[str] = []

    def fetch(arn: str) -> str:
        readings.append(arn)
        return "api-key=k1"

    # A minute passes between any two looks at the clock, so that the secret may be read again.
    secret = SecretHeaders(ARN, fetch=fetch, clock=itertools.count(0.0, 60.0).__next__)

    result = run(
        subscription_event(record("a"), record("b")), secret=secret, compression="none", **QUEUES
    )

    assert EXPECTED[action] == Seen(
        requests=len(receiver.requests),
        spans=result.counts.spans,
        readings=len(readings),
        kept_by_platform=result.failures == [""],
        dead_letters=len(mailbox.bodies(DEAD)),
        held=result.counts.held,
    )
    assert not mailbox.bodies(REDRIVE)


def test_each_rule_has_a_row_here() -> None:
    """Those of failures but the first have tests of their own."""
    hit = {
        next(rule for rule in RULES if meaning in rule.matches).after
        for meaning in (_meaning(answer) for answer, _ in ROWS)
    }

    others = {failure.value for failure in Failure} - {Failure.NO_RESPONSE.value}
    assert {rule.after for rule in RULES} - hit == others


def _meaning(answer: int | Answer | None) -> Meaning:
    if not isinstance(answer, Answer):
        return answer or Failure.NO_RESPONSE
    named = answer.headers.get("x-amzn-ErrorType", "")
    return Response(answer.status or 0, "", answer.body, error=named).meaning


@pytest.mark.parametrize(
    "name", [*ThrottledRetryableChecker._THROTTLED_ERROR_CODES, "RequestTimeoutException"]
)
def test_what_aws_takes_for_throttling_is_tried_again(name: str) -> None:
    assert _meaning(aws(name)) is AwsError.PASSING


@pytest.mark.parametrize("failure", Failure)
def test_what_has_no_response_is_never_lost(failure: Failure) -> None:
    assert action_after(failure) in {Action.RETRY, Action.HOLD, Action.HAND_OVER}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(200, {"Content-Type": "text/html"}, b"<p>Log in"), "not an OTLP receiver"),
        (Answer(200, body=b"\n<!DOCTYPE html><title>Sign in</title>"), "200: Sign in"),
        (Answer(202, {"Content-Type": "text/html; charset=utf-8"}, b"<html>"), "status 202"),
        (
            Answer(
                400,
                {"Content-Type": "application/json"},
                b'{"message": "The OTLP API is supported with CloudWatch Logs as a Trace Segment '
                b'Destination. Please enable it."}',
            ),
            "switch on Transaction Search for this account and region",
        ),
    ],
)
def test_a_response_that_does_not_mean_what_its_status_says_is_held(
    answer: Answer, said: str, receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    receiver.decide = lambda _: answer

    result = run(subscription_event(record("a"), record("b")), compression="none", **QUEUES)

    assert (result.counts.spans, result.counts.held) == (0, 2)
    assert result.failures == [""]
    assert said in result.reason
    assert len(receiver.requests) == 1
    assert not mailbox.sent


def test_a_type_without_a_page_is_a_success(receiver: OtlpReceiver, run: Run) -> None:
    """Some servers call every body HTML."""
    receiver.decide = lambda _: Answer(200, {"Content-Type": "text/html"}, b"")

    assert run(subscription_event(record("a")), **QUEUES).counts.spans == 1


def test_a_secret_that_cannot_be_read_again_leaves_the_spans_for_later(
    receiver: OtlpReceiver, run: Run
) -> None:
    receiver.decide = lambda _: Answer(401)
    texts = iter(["api-key=k1", "s3cret"])
    secret = SecretHeaders(
        ARN, fetch=lambda _: next(texts), clock=itertools.count(0.0, 60.0).__next__
    )

    result = run(subscription_event(record("a")), secret=secret, **QUEUES)

    assert result.failures == [""]
    assert "must be a JSON object" in result.reason
    assert "s3cret" not in result.reason
