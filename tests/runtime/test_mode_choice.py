"""What a processing mode comes to, by what the platform allows."""

import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from opentelemetry.sdk.trace import SpanProcessor

from lambda_otel_lite import create_traced_handler, init_telemetry
from lambda_otel_lite.lifecycle import modes
from lambda_otel_lite.lifecycle.extension import Signal
from lambda_otel_lite.lifecycle.extensions_api import Invoke
from tests.spans import FakeContext, make_telemetry

API = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
MANAGED = {**API, "AWS_LAMBDA_MAX_CONCURRENCY": "2"}


class Extension:
    """Registers or not, as it is told, and has events followed when the test asks for it."""

    granted = True
    kinds: Sequence[str] | None = None
    follow: ClassVar[Callable[[Iterator[Invoke | Signal]], None]]

    def __init__(self, address: str) -> None:
        assert address == "127.0.0.1:1"

    def start(
        self, kinds: Sequence[str], follow: Callable[[Iterator[Invoke | Signal]], None]
    ) -> bool:
        """Answer as told."""
        Extension.kinds = kinds
        Extension.follow = follow
        return self.granted


@pytest.fixture(autouse=True)
def sigterm() -> Iterator[None]:
    """Afterwards the signal is as it was."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("mode", "variables", "granted", "expected", "kinds"),
    [
        ("sync", API, True, "sync", None),
        ("async", API, True, "async", ["INVOKE"]),
        ("async", API, False, "sync", ["INVOKE"]),
        ("async", {}, True, "sync", None),
        ("async", MANAGED, True, "sync", None),
        ("finalize", API, True, "finalize", []),
        ("finalize", API, False, "sync", []),
        ("finalize", {}, True, "finalize", None),
        ("finalize", MANAGED, True, "sync", None),
    ],
)
def test_the_mode_that_is_available(  # noqa: PLR0913, PLR0917 - a table
    mode: str,
    variables: Mapping[str, str],
    granted: bool,  # noqa: FBT001 - pytest passes it by name
    expected: str,
    kinds: Sequence[str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the extension is not available, sync keeps every span."""
    monkeypatch.setattr(modes, "InternalExtension", Extension)
    monkeypatch.setattr(Extension, "granted", granted)
    monkeypatch.setattr(Extension, "kinds", None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGTERM)

    telemetry = make_telemetry(processor_mode=mode)
    context = FakeContext()
    create_traced_handler("work", telemetry.completion)(lambda event, context: 7)({}, context)

    assert len(telemetry.spans) == (1 if expected == "sync" else 0)
    assert Extension.kinds == kinds
    if expected == "async":
        Extension.follow(iter([Signal.ARRIVED, Invoke(context.aws_request_id, None)]))
        assert len(telemetry.spans) == 1
    # SIGTERM comes to functions with an extension, and finds what is not exported yet.
    assert (signal.getsignal(signal.SIGTERM) is before) is (expected == "sync")


def test_hazard_09_one_log_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What managed instances do not have is said once, with the mode that is used."""
    for name, value in MANAGED.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.INFO):
        init_telemetry(processor_mode="async")
    assert [record.message for record in caplog.records] == [
        "async mode is not available on Lambda Managed Instances; using sync"
    ]


def test_an_export_that_fails_is_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """No processor's failure reaches the handler."""

    class Failing(SpanProcessor):
        def force_flush(self, timeout_millis: int = 30_000) -> Any:
            raise ValueError(timeout_millis)

    _, completion = init_telemetry(span_processors=[Failing()])
    completion.complete()
    assert [record.message for record in caplog.records] == ["spans could not be exported"]
