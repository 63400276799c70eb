"""A warm call does what it must and little else, and does it the short way alone where it can."""

import functools
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import pytest
from opentelemetry import attributes as sdk_attributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from lambda_otel_lite import (
    LambdaSpanProcessor,
    api_gateway_v2_extractor,
    create_traced_handler,
    init_telemetry,
)
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export.exporter import StdoutSpanExporter
from lambda_otel_lite.extractors import SpanAttributes, extractor_by_name
from lambda_otel_lite.extractors.auto import NAMES
from lambda_otel_lite.extractors.http import _PARTS_OF_THEM, _SECRET_PARAMETERS
from lambda_otel_lite.plain_attributes import decides_without
from tests.spans import EVENT_NAMES, FakeContext, Telemetry, attributes_of, event, make_telemetry

HTTP = event("api_gateway_v2")
RESPONSE = {"statusCode": 200}


def handle(telemetry: Telemetry, extractor: Any = api_gateway_v2_extractor) -> Any:
    """Trace an HTTP call; return its span."""
    telemetry.exporter.clear()
    traced = create_traced_handler("orders", telemetry.completion, extractor)
    traced(lambda event, context: RESPONSE)(HTTP, FakeContext())
    return telemetry.span


class Calls(Counter[str]):
    """Counts calls by the module of what is called, while it is entered."""

    def __enter__(self) -> Self:
        """Begin."""
        sys.setprofile(self._count)
        return self

    def __exit__(self, *error: object) -> None:
        """End."""
        sys.setprofile(None)

    def _count(self, frame: Any, kind: str, argument: Any) -> None:
        del argument
        if kind == "call":
            self[str(frame.f_globals.get("__name__"))] += 1


def warm_call() -> Calls:
    """Count the calls of a warm HTTP call that writes a line."""
    settings = Settings.from_environ({"LAMBDA_OTEL_EXPORTER": "native"})
    exporter = StdoutSpanExporter(settings, io.StringIO())
    _, completion = init_telemetry(span_processors=[LambdaSpanProcessor(exporter)])

    @create_traced_handler("orders", completion, extractor_by_name("auto"))
    def handler(event: Any, context: Any) -> Any:
        del event, context
        return RESPONSE

    for _ in range(3):
        handler(HTTP, FakeContext())
    with Calls() as calls:
        handler(HTTP, FakeContext())
    return calls


@pytest.mark.newest
def test_a_warm_call_makes_few_calls() -> None:
    """Each is some hundred instructions; another is to be worth them."""
    calls = warm_call()

    own = sum(count for name, count in calls.items() if name.startswith("lambda_otel_lite."))
    assert own <= 113, calls
    assert sum(calls.values()) <= 222, calls


def cleaned(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the values that the SDK looks at for an HTTP call."""
    seen: list[Any] = []
    name = next(
        one
        for one in ("_clean_attribute_value", "_clean_attribute")
        if hasattr(sdk_attributes, one)
    )
    clean = getattr(sdk_attributes, name)

    def see(*arguments: Any, **named: Any) -> Any:
        seen.append(arguments[-2])
        return clean(*arguments, **named)

    monkeypatch.setattr(sdk_attributes, name, see)
    handle(telemetry)
    monkeypatch.undo()
    return seen


def test_the_sdk_looks_at_no_attribute_of_a_known_event(monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = make_telemetry()
    assert not cleaned(telemetry, monkeypatch)
    assert attributes_of(telemetry.span)["url.path"]


class Early(SpanProcessor):
    """Sees what a span has when it starts."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note the attributes."""
        del parent_context
        self.seen.append(dict(span.attributes or {}))


def test_another_span_processor_finds_the_attributes_at_the_start() -> None:
    telemetry = make_telemetry()
    early = Early()
    telemetry.completion.tracer_provider.add_span_processor(early)  # type: ignore[attr-defined]

    span = handle(telemetry)

    at_start = {key for key in attributes_of(span) if not key.endswith("status_code")}
    assert set(early.seen[0]) == at_start


class Asking(Sampler):
    """Decides by an attribute."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        links: Sequence[Any] | None = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        """Decide."""
        del parent_context, trace_id, name, kind, links, trace_state
        self.seen.append(dict(attributes or {}))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self) -> str:
        """Describe it."""
        return "asking"


@pytest.mark.parametrize("around", [lambda one: one, lambda one: ParentBased(one, one)])
def test_a_sampler_of_the_users_is_asked_with_the_attributes(
    around: Callable[[Sampler], Sampler],
) -> None:
    asking = Asking()

    handle(make_telemetry(sampler=around(asking)))

    assert asking.seen[0]["http.request.method"] == HTTP["requestContext"]["http"]["method"]


def test_samplers_of_the_sdk_decide_without_attributes() -> None:
    for sampler in (ALWAYS_ON, DEFAULT_ON, TraceIdRatioBased(0.5), ParentBased(ALWAYS_ON)):
        assert decides_without(sampler)
    assert not decides_without(ParentBased(Asking()))
    assert not decides_without(None)


def test_the_limits_of_a_span_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5")
    assert SpanLimits().max_span_attributes == 5
    span = handle(make_telemetry())

    assert len(attributes_of(span)) == 5
    assert span.dropped_attributes > 5

    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "128")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")
    span = handle(make_telemetry())

    texts = [value for value in attributes_of(span).values() if isinstance(value, str)]
    assert max(map(len, texts)) == 3


def test_what_a_wrapped_extractor_adds_is_cleaned() -> None:
    """A decorator of the user's has the name of what it is around."""

    @functools.wraps(api_gateway_v2_extractor)
    def wrapped(event: Any, context: Any) -> SpanAttributes:
        extracted = api_gateway_v2_extractor(event, context)
        extracted.attributes |= {"tags": ["a", "b"], "none": None}
        return extracted

    found = attributes_of(handle(make_telemetry(), wrapped))

    assert found["tags"] == ("a", "b")
    assert "none" not in found


@pytest.mark.parametrize("name", NAMES)
def test_built_in_extractors_return_texts_numbers_and_truth_values_alone(name: str) -> None:
    extractor = extractor_by_name(name)
    for sample in EVENT_NAMES:
        for key, value in extractor(event(sample), FakeContext()).attributes.items():
            assert type(key) is str
            assert key
            assert type(value) in {str, int, bool}, key


def parents() -> Iterator[Context | None]:
    """Yield every kind of parent that a span may have."""
    yield None
    yield Context()
    state = TraceState([("vendor", "1")])
    for remote in (True, False):
        for flags in (0, 1, 2, 3):
            context = SpanContext(1, 2, remote, TraceFlags(flags), state)
            yield set_span_in_context(NonRecordingSpan(context), Context())
    nobody = SpanContext(0, 2, is_remote=True, trace_flags=TraceFlags(1))
    yield set_span_in_context(NonRecordingSpan(nobody), Context())


def test_the_default_sampler_decides_as_that_of_the_sdk() -> None:
    tracer: Any = make_telemetry().completion.get_tracer()
    assert tracer.sampler is not DEFAULT_ON
    assert isinstance(tracer.sampler, ParentBased)

    for parent in parents():
        one, other = (
            sampler.should_sample(parent, 5, "name", None, {"a": 1}, ())
            for sampler in (tracer.sampler, DEFAULT_ON)
        )
        assert one.decision is other.decision
        assert dict(one.attributes) == dict(other.attributes)
        assert one.trace_state == other.trace_state


def test_a_query_with_a_secret_is_always_looked_at() -> None:
    assert all(any(part in name for part in _PARTS_OF_THEM) for name in _SECRET_PARAMETERS)
