"""Which completion a mode comes to, by what the platform lets it have."""

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from lambda_otel_lite import telemetry
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.lifecycle import registration
from lambda_otel_lite.lifecycle.asynchronous import AsyncCompletion
from lambda_otel_lite.lifecycle.completion import FinalizeCompletion, SyncCompletion
from lambda_otel_lite.lifecycle.extension import on_sigterm
from lambda_otel_lite.propagation.propagation import from_propagators

API = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
MANAGED = {**API, "AWS_LAMBDA_MAX_CONCURRENCY": "2"}


class Extension:
    """Registers or not, as it is told, and follows nothing."""

    granted = True
    events: Sequence[str] | None = None

    def __init__(self, address: str, *callbacks: Callable[..., Any]) -> None:
        Extension.events = None

    def start(self, events: Sequence[str]) -> bool:
        """Answer as told."""
        Extension.events = events
        return self.granted


@pytest.mark.parametrize(
    ("mode", "variables", "granted", "expected", "events"),
    [
        ("sync", API, True, SyncCompletion, None),
        ("async", API, True, AsyncCompletion, ["INVOKE"]),
        ("async", API, False, SyncCompletion, ["INVOKE"]),
        ("async", {}, True, SyncCompletion, None),
        ("async", MANAGED, True, SyncCompletion, None),
        ("finalize", API, True, FinalizeCompletion, []),
        ("finalize", API, False, SyncCompletion, []),
        ("finalize", {}, True, FinalizeCompletion, None),
        ("finalize", MANAGED, True, SyncCompletion, None),
    ],
)
def test_the_mode_that_can_be_had(  # noqa: PLR0913, PLR0917 - a table
    mode: str,
    variables: Mapping[str, str],
    granted: bool,  # noqa: FBT001 - pytest passes it by name
    expected: type,
    events: Sequence[str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the extension is not to be had, sync keeps every span."""
    monkeypatch.setattr(registration, "InternalExtension", Extension)
    monkeypatch.setattr(Extension, "granted", granted)
    monkeypatch.setattr(Extension, "events", None)
    settings = Settings.from_environ(variables, mode=mode)
    assert type(telemetry._completion(settings, lambda: None)) is expected
    assert Extension.events == events


def test_hazard_09_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """What managed instances cannot have is said once, with the mode that is used."""
    settings = Settings.from_environ(MANAGED, mode="async")
    with caplog.at_level(logging.INFO):
        telemetry._completion(settings, lambda: None)
    assert [record.message for record in caplog.records] == [
        "async mode is not to be had on Lambda Managed Instances; using sync"
    ]


@pytest.fixture
def sigterm() -> Iterator[None]:
    """Afterwards the signal is as it was."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm")
def test_a_forked_process_has_the_signal_as_it_was() -> None:
    """The parent keeps the handler, and neither is left with the signal blocked."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    on_sigterm(lambda: None)
    ours = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The test runner's threads are no matter here.
        child = os.fork()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    handler = signal.getsignal(signal.SIGTERM)
    if child == 0:
        os._exit(0 if handler is signal.SIG_DFL and signal.SIGTERM not in blocked else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert handler is ours
    assert signal.SIGTERM not in blocked


def test_an_export_that_fails_is_a_log_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No processor's failure reaches the handler."""
    monkeypatch.setattr(trace, "set_tracer_provider", lambda provider: None)
    settings = Settings.from_environ({})
    provider = TracerProvider(shutdown_on_exit=False)
    handler = telemetry._assemble(settings, provider, [], from_propagators([]))

    def fail() -> bool:
        raise ValueError("no")

    monkeypatch.setattr(provider, "force_flush", fail)
    handler.complete()
    assert [record.message for record in caplog.records] == ["spans could not be exported"]
