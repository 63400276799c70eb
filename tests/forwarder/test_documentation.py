"""The page, the construct and the forwarder say the same."""

from __future__ import annotations

import dataclasses

from lambda_otel_lite_cdk.forwarding import facts as alarms
from otlp_forwarder.counts import Counts
from otlp_forwarder.result import metrics
from otlp_forwarder.settings import ForwarderSettings
from otlp_forwarder.variables import VARIABLES
from tests.forwarder.documentation import PAGE, with_tables


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    """`make docs` writes them."""
    text = PAGE.read_text("utf-8")

    assert with_tables(text) == text


def test_each_variable_has_a_field_of_the_settings() -> None:
    fields = {field.name for field in dataclasses.fields(ForwarderSettings)}

    assert fields - {variable.field for variable in VARIABLES} == {"max_unpacked_bytes"}
    assert {variable.field for variable in VARIABLES} <= fields


def test_the_construct_watches_the_metrics_that_the_forwarder_writes() -> None:
    line = metrics.metrics_line(Counts(), "forwarder")

    assert (alarms.NAMESPACE, alarms.DIMENSION) == (metrics.NAMESPACE, metrics.DIMENSION)
    assert all(f'"{name}":' in line for name in alarms.WATCHED)
