"""Give every test a process in which no telemetry was ever set up."""

import logging
import os
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import propagate, trace
from opentelemetry.util._once import Once

from lambda_otel_lite import telemetry
from lambda_otel_lite.configuration import reader as reading
from lambda_otel_lite.configuration import variables as environment
from lambda_otel_lite.propagation import names, propagation
from tests.spans import Telemetry
from tests.spans import make_telemetry as _make_telemetry

#: The API's own, before any test has run, be it one of another folder.
_TEXTMAP = propagate.get_global_textmap()
_VARIABLES = [
    value for name, value in vars(environment).items() if name.isupper() and isinstance(value, str)
]


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in {*_VARIABLES, *(name for name in os.environ if name.startswith("OTEL_"))}:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(telemetry, "_current", None)
    propagate.set_global_textmap(_TEXTMAP)
    reading.warn.cache_clear()
    names._warn.cache_clear()
    names.offered.cache_clear()
    monkeypatch.setattr(propagation, "_chosen", None)
    yield
    propagate.set_global_textmap(_TEXTMAP)
    logging.getLogger("lambda_otel_lite").setLevel(logging.NOTSET)


@pytest.fixture
def make_telemetry() -> Callable[..., Telemetry]:
    """Return a function that sets telemetry up anew."""
    return _make_telemetry
