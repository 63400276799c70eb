"""In mode async the extension learns from the platform's runtime that the response has left."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_log_utils import LogFormat
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from lambda_otel_lite.lifecycle.response import ResponsePosting


class Client:
    """What awslambdaric posts responses with; its requests go into a list."""

    def __init__(self, happened: list[str]) -> None:
        self.marshaller = LambdaMarshaller()
        self._happened = happened

    def post_invocation_result(self, *_: Any, **__: Any) -> None:
        self._happened.append("posted a result")

    def post_invocation_error(self, *_: Any, **__: Any) -> None:
        self._happened.append("posted an error")


class Sink:
    """Leaves the test's output alone."""

    def log_error(self, *_: Any, **__: Any) -> None:
        """Take an error."""


def handle(client: Client, handler: Callable[[Any, Any], Any]) -> None:
    """Have the real runtime handle an invocation."""
    bootstrap._GLOBAL_LOG_FORMAT = LogFormat.TEXT
    bootstrap.handle_event_request(
        client, handler, "id", b"{}", "application/json", None, None, "arn", 0, None, Sink()
    )


@pytest.fixture
def happened() -> list[str]:
    return []


@pytest.mark.parametrize("fails", [False, True])
def test_the_call_comes_after_the_response_or_the_error(
    happened: list[str], *, fails: bool
) -> None:
    posting, client = ResponsePosting(), Client(happened)

    def handler(_event: Any, _context: Any) -> str:
        assert posting.notify(lambda: happened.append("told"))
        if fails:
            raise ValueError("boom")
        return "done"

    for _ in range(2):
        handle(client, handler)

    assert happened == [f"posted {'an error' if fails else 'a result'}", "told"] * 2


def test_it_comes_whatever_is_around_the_traced_handler(happened: list[str]) -> None:
    posting, client = ResponsePosting(), Client(happened)

    def decorated(handler: Any) -> Any:
        @wraps(handler)
        def around(event: Any, context: Any) -> Any:
            return handler(event, context)

        return around

    @decorated
    def handler(_event: Any, _context: Any) -> None:
        posting.notify(lambda: happened.append("told"))

    handle(client, handler)

    assert happened == ["posted a result", "told"]


def test_a_response_that_nobody_asked_for_is_posted_as_ever(happened: list[str]) -> None:
    posting, client = ResponsePosting(), Client(happened)
    handle(client, lambda _event, _context: posting.notify(lambda: happened.append("told")))

    handle(client, lambda _event, _context: None)

    assert happened == ["posted a result", "told", "posted a result"]


def test_a_client_that_has_not_all_of_it_is_left_as_it_is(happened: list[str]) -> None:
    class Older(Client):
        post_invocation_error: Any = property()

    posting, client = ResponsePosting(), Older(happened)

    def handler(_event: Any, _context: Any) -> None:
        assert not posting.notify(lambda: happened.append("told"))

    for _ in range(3):
        handle(client, handler)

    assert happened == ["posted a result"] * 3
    assert "post_invocation_result" not in vars(client)


def test_elsewhere_it_says_that_it_will_not_come() -> None:
    assert not ResponsePosting().notify(lambda: None)
