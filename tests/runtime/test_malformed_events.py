"""Whatever an event holds, extractors do not raise and the handler runs with its own result."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lambda_otel_lite import create_traced_handler
from lambda_otel_lite.extractors import Extractor, SpanAttributes, extractor_by_name
from lambda_otel_lite.extractors.auto import NAMES
from tests.spans import EVENT_NAMES, FakeContext, event, make_telemetry

_Path = tuple[str | int, ...]

# One of every JSON type, and the texts that trip parsers: no ARN, no route, no header, no UTF-8.
_STRANGE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", ":", "%", "/", " ", "::::::", "%ff", "\ud800", "[" * 2000, "x" * 5000])
    | st.text(max_size=5)
    | st.sampled_from([[], [None], [[]], ["x"], {}, {"": None}, {"x": {}}, [{}], [{"x": 1}]])
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


def _places(value: Any, path: _Path = ()) -> Iterator[_Path]:
    """Yield the path of every value within a JSON value, and of itself."""
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from _places(inner, (*path, key))


def _replaced(value: Any, path: _Path, strange: Any) -> Any:
    if not path:
        return strange
    changed = copy.deepcopy(value)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = strange
    return changed


_SAMPLES = {name: event(name) for name in EVENT_NAMES}
_ALL_PLACES = [(name, path) for name, sample in _SAMPLES.items() for path in _places(sample)]


@st.composite
def _malformed(draw: st.DrawFn) -> Any:
    name, path = draw(st.sampled_from(_ALL_PLACES))
    changed = _replaced(_SAMPLES[name], path, draw(_STRANGE))
    if draw(st.booleans()):
        remaining = list(_places(changed))
        changed = _replaced(changed, draw(st.sampled_from(remaining)), draw(_STRANGE))
    return changed


_EVENTS = _malformed() | _JSON


def _check(extractor: Extractor, malformed: Any) -> None:
    extracted = extractor(malformed, FakeContext())

    assert isinstance(extracted, SpanAttributes)
    assert extracted.span_name is None or isinstance(extracted.span_name, str)
    assert extracted.carrier is None or isinstance(extracted.carrier, dict)
    assert all(isinstance(carrier, dict) for carrier in extracted.link_carriers)
    assert all(isinstance(key, str) for key in extracted.attributes)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_EVENTS)
def test_hazard_05_no_extractor_raises_for_a_malformed_event(malformed: Any) -> None:
    for name in NAMES:
        _check(extractor_by_name(name), malformed)


@pytest.mark.parametrize("strange", [None, True, 7, 0.5, "x", [], ["x"], {}, {"x": "y"}], ids=repr)
def test_hazard_05_every_json_type_in_every_place_of_every_sample_is_read(strange: Any) -> None:
    """What chance might miss: each place of each sample, with each type, once."""
    auto = extractor_by_name("auto")
    for name, path in _ALL_PLACES:
        malformed = _replaced(_SAMPLES[name], path, strange)
        _check(auto, malformed)


def test_hazard_05_the_handler_runs_and_its_result_is_returned_unchanged() -> None:
    telemetry = make_telemetry()
    seen: list[Any] = []
    result = {"statusCode": "200", "body": object()}

    def handler(event: Any, context: Any) -> Any:
        seen.append(event)
        return result

    traced = [
        create_traced_handler("malformed", telemetry.completion, extractor_by_name(name))(handler)
        for name in NAMES
    ]

    @settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(_EVENTS)
    @example({"headers": "x"})
    @example({"requestContext": None})
    @example({"requestContext": {"elb": {}}, "queryStringParameters": {"a": None}})
    def run(malformed: Any) -> None:
        for one in traced:
            telemetry.exporter.clear()
            seen.clear()
            assert one(malformed, FakeContext()) is result
            assert len(seen) == 1
            assert seen[0] is malformed
            assert telemetry.span.kind is not None

    run()
    assert set(result) == {"statusCode", "body"}
