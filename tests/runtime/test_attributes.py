"""The table of attributes is what spans, links and the resource really have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import semconv

from lambda_otel_lite import auto_extractor, create_traced_handler
from tests.pages import page_with
from tests.spans import EVENT_NAMES, FakeContext, attributes_of, event, make_telemetry

_TABLE = re.search(
    r"<!-- attributes -->\n(.*?)<!-- end of attributes -->",
    page_with("<!-- attributes -->").read_text("utf-8"),
    re.DOTALL,
)
_ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/04/09/[7]abc",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
}


def _rows() -> Iterator[tuple[str, str, str]]:
    """Yield what each attribute is on, its name, and the convention that asks for it."""
    assert _TABLE is not None
    for line in _TABLE[1].splitlines()[2:]:
        on, names, _, convention = (cell.strip() for cell in line.strip("|").split("|"))
        for name in re.findall(r"`([^`]+)`", names):
            for one in on.split(", "):
                yield one, name, convention


def _samples() -> Iterator[Any]:
    yield from map(event, EVENT_NAMES)
    unusual = event("alb")
    unusual["httpMethod"] = "BREW"
    yield unusual
    tombstone = event("kafka")
    tombstone["records"]["orders-0"][0]["value"] = None
    yield tombstone
    conversation = event("activemq")
    conversation["messages"] *= 2
    yield conversation


@pytest.fixture(scope="module")
def seen() -> set[tuple[str, str]]:
    """What each attribute is on that the samples lead to."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        telemetry = make_telemetry()

    def respond(_event: Any, _context: Any) -> dict[str, Any]:
        return {"statusCode": 503, "Status": "PENDING"}

    handler = create_traced_handler("orders", telemetry.completion, auto_extractor)(respond)
    found = set()
    for sample in _samples():
        telemetry.exporter.clear()
        handler(sample, FakeContext())
        span = telemetry.span
        found |= {("span", name) for name in attributes_of(span)}
        found |= {("resource", name) for name in span.resource.attributes}
        found |= {("link", name) for link in span.links for name in link.attributes or {}}
    return found


def test_the_table_names_what_there_is_and_no_more(seen: set[tuple[str, str]]) -> None:
    named = {(on, name) for on, name, _ in _rows()}
    assert named == seen


@pytest.mark.newest
def test_the_conventions_that_the_table_links_to_know_the_attribute() -> None:
    """As the package that OpenTelemetry publishes has them."""
    (folder,) = semconv.__path__
    known = {
        name
        for path in Path(folder).rglob("*.py")
        for name in re.findall(r'Final = "([a-z0-9_.]+)"', path.read_text())
    }
    for _, name, convention in _rows():
        if convention == "none: the project's own" or convention.startswith("[AWS's plugin]"):
            assert name not in known
        elif "pypi.org" in convention:
            assert name == "alb.target_group_arn"
        else:
            assert re.fullmatch(
                r"\[[^]]+\]\(https://(opentelemetry\.io/docs/specs/semconv/"
                r"|github\.com/open-telemetry/semantic-conventions/)\S+\)",
                convention,
            )
            assert name in known
