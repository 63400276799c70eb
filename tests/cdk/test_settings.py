from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.configuration.variables import KEEP_RULES
from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.settings.keep import Keep
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings


def test_only_what_is_set_becomes_a_variable() -> None:
    assert TelemetrySettings().environment() == {"LAMBDA_OTEL_EXPORTER": "native"}


def test_every_field_has_its_variable() -> None:
    settings = TelemetrySettings(
        mode="async",
        queue_size=100,
        batch_size=10,
        compression_level=0,
        exporter="package",
        line_limit=1024,
        timeout_margin=0,
        service_name="shop",
        resource_attributes={"team": "a b,c", "deployment.environment": "prod"},
        propagators=("tracecontext", "xray"),
        sampler="traceidratio",
        sampler_ratio=0.25,
        extractor="mine.events:read",
        instrumentations=("botocore", "requests"),
        keep=Keep(errors=True, cold_starts=False, slower_than_ms=1000, ratio=0.05),
        drop_attributes=("http.request.header.*",),
        redact=("url.query", "Authorization"),
        max_attribute_length=1024,
        log_level="DEBUG",
        record_level="WARN",
        semconv_opt_in="http",
        disabled=True,
    )
    assert settings.problems == ()
    assert list(settings.conflicts()) == []
    assert settings.environment() == {
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "async",
        "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": "100",
        "LAMBDA_SPAN_PROCESSOR_BATCH_SIZE": "10",
        "OTLP_STDOUT_SPAN_EXPORTER_COMPRESSION_LEVEL": "0",
        "LAMBDA_OTEL_EXPORTER": "package",
        "LAMBDA_OTEL_LINE_LIMIT": "1024",
        "LAMBDA_OTEL_TIMEOUT_MARGIN": "0",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=prod,team=a%20b%2Cc",
        "OTEL_PROPAGATORS": "tracecontext,xray",
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
        "LAMBDA_OTEL_EXTRACTOR": "mine.events:read",
        "LAMBDA_OTEL_INSTRUMENTATIONS": "botocore,requests",
        "LAMBDA_OTEL_KEEP": "errors,slower_than_ms=1000,ratio=0.05",
        "LAMBDA_OTEL_DROP_ATTRIBUTES": "http.request.header.*",
        "LAMBDA_OTEL_REDACT": "url.query,Authorization",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1024",
        "LOG_LEVEL": "DEBUG",
        "OTLP_STDOUT_SPAN_EXPORTER_LOG_LEVEL": "WARN",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
        "OTEL_SDK_DISABLED": "true",
    }


def test_the_runtime_reads_what_the_settings_write() -> None:
    written = TelemetrySettings(
        mode="async",
        resource_attributes={"team": "a b,c=%"},
        propagators=("tracecontext", "xray"),
        instrumentations=("botocore", "requests"),
        timeout_margin=0,
        semconv_opt_in="http",
        record_level="WARN",
    ).environment()
    read = Settings.from_environ(written)
    assert (read.mode, read.exporter, read.timeout_margin) == ("async", "native", 0)
    assert read.resource_attributes == {"team": "a b,c=%"}
    assert (read.propagators, read.propagators_chosen) == (("tracecontext", "xray"), True)
    assert read.instrumentations == ("botocore", "requests")
    assert (read.stable_http_only, read.record_level) == (True, "WARN")


@pytest.mark.parametrize(
    ("field", "value", "accepted"),
    [
        ("mode", "turbo", "one of 'sync', 'async', 'finalize'"),
        ("queue_size", 0, "from 1 to 1000000 spans"),
        ("queue_size", 1_000_001, "from 1 to 1000000 spans"),
        ("queue_size", "100", "a whole number"),
        ("queue_size", True, "a whole number"),
        ("batch_size", -1, "from 1 to 1000000 spans"),
        ("compression_level", 10, "from 0 to 9"),
        ("service_name", " ", "a text that is not empty"),
        ("exporter", "otlp", "one of 'native', 'package'"),
        ("line_limit", 1023, "from 1024 to 1048576 bytes"),
        ("timeout_margin", 60_001, "from 0 to 60000 ms"),
        ("resource_attributes", "team=a", "a mapping of names to texts"),
        ("resource_attributes", {"a,b": "1"}, "a mapping of names to texts"),
        ("propagators", ("w3c",), "a tuple of names out of 'tracecontext'"),
        ("propagators", "tracecontext", "a tuple of names"),
        ("sampler", "always", "one of 'always_on'"),
        ("sampler_ratio", 1.5, "a number from 0 to 1"),
        ("extractor", "http", "or 'module:function'"),
        ("instrumentations", ("a b",), "a tuple of names without commas"),
        ("keep", "errors", "a Keep with some of timeouts=True, errors=True"),
        ("keep", Keep(ratio=1.5), "ratio=0 to 1"),
        ("keep", Keep(slower_than_ms=0), "slower_than_ms=1 to 900,000"),
        ("keep", Keep(errors=0.5), "errors=True"),  # type: ignore[arg-type]
        ("drop_attributes", ("a,b",), "a tuple of names without commas"),
        ("redact", "url.query", "a tuple of names"),
        ("max_attribute_length", -1, "from 0 to 1000000 characters"),
        ("log_level", "loud", "one of 'TRACE'"),
        ("record_level", "loud", "one of 'TRACE'"),
        ("semconv_opt_in", "database", "one of 'http', 'http/dup'"),
        ("disabled", "yes", "True or False"),
        ("layer_arn", "my-layer", "a layer version's ARN"),
    ],
)
def test_a_bad_value_is_named_with_its_field_its_range_and_the_fix(
    field: str, value: Any, accepted: str
) -> None:
    settings = TelemetrySettings(**{field: value})
    (problem,) = settings.problems
    assert f"TelemetrySettings.{field} is {value!r}" in problem
    assert accepted in problem
    assert "leave it out for the default" in problem
    with pytest.raises(SettingsError, match=field):
        settings.environment()


def test_a_ratio_needs_a_sampler_that_reads_it() -> None:
    (conflict,) = TelemetrySettings(sampler_ratio=0.5).conflicts()
    assert "sampler_ratio is 0.5, which the sampler None does not read" in conflict
    assert "Set sampler to 'parentbased_traceidratio'" in conflict


def test_rules_that_keep_nothing_or_all_are_conflicts() -> None:
    (nothing,) = TelemetrySettings(keep=Keep(errors=False)).conflicts()
    assert "TelemetrySettings.keep names no rule. Name one, such as Keep(errors=True)" in nothing
    (everything,) = TelemetrySettings(keep=Keep(errors=True), sampler="always_on").conflicts()
    assert "keep has no effect: the sampler 'always_on' samples every invocation" in everything
    assert not [*TelemetrySettings(keep=Keep(errors=True), sampler="always_off").conflicts()]


def test_keep_rules_are_merged_rule_by_rule() -> None:
    fleet = TelemetrySettings(keep=Keep(errors=True, cold_starts=True, ratio=0.01))
    team = TelemetrySettings(keep=Keep(cold_starts=False, ratio=0.5))

    merged = fleet.merge(team)

    assert merged.keep == Keep(errors=True, cold_starts=False, ratio=0.5)
    assert fleet.merge(TelemetrySettings()).keep == fleet.keep


@pytest.mark.parametrize(
    "keep",
    [
        Keep(timeouts=True, errors=True, cold_starts=True, slower_than_ms=1.5, ratio=1e-7),
        Keep(ratio=1 / 3),
        Keep(slower_than_ms=900_000),
    ],
)
def test_the_runtime_reads_the_rules_that_the_constructs_write(keep: Keep) -> None:
    read = Settings.from_environ(TelemetrySettings(keep=keep).environment()).keep

    expected = {name: float(value) for name, value in vars(keep).items() if value is not None}
    assert read == pytest.approx(expected, rel=1e-14)


def test_each_rule_is_an_argument_that_says_what_the_table_says() -> None:
    said = " ".join(str(Keep.__doc__).split())
    assert [rule["name"] for rule in KEEP_RULES] == [one.name for one in dataclasses.fields(Keep)]
    for rule in KEEP_RULES:
        assert f"{rule['name']}: {rule['meaning']}" in said
        if "accepted" in rule:
            low, high = rule["accepted"]
            assert f"Accepted: {low:,} to {high:,} {rule.get('unit', '')}".rstrip() in said


def test_keep_rules_are_read_from_context() -> None:
    read = TelemetrySettings.from_context({"telemetry.keep": "errors, slower_than_ms=500"})
    assert read.keep == Keep(errors=True, slower_than_ms=500)
    for wrong in ("error", "errors=1", "ratio", "ratio=much"):
        (problem,) = TelemetrySettings.from_context({"telemetry.keep": wrong}).problems
        assert f"TelemetrySettings.keep is {wrong!r}" in problem


def test_in_a_merge_the_later_settings_win_field_by_field() -> None:
    fleet = TelemetrySettings(mode="async", queue_size=100, resource_attributes={"a": "1"})
    team = TelemetrySettings(queue_size=200, resource_attributes={"b": "2"})
    function = TelemetrySettings(service_name="orders", resource_attributes={"a": "3"})
    assert fleet.merge(team).merge(function) == TelemetrySettings(
        mode="async",
        queue_size=200,
        service_name="orders",
        resource_attributes={"a": "3", "b": "2"},
    )


def test_false_and_zero_win_in_a_merge() -> None:
    merged = TelemetrySettings(disabled=True, compression_level=9).merge(
        TelemetrySettings(disabled=False, compression_level=0)
    )
    assert (merged.disabled, merged.compression_level) == (False, 0)


def test_settings_are_read_from_context_as_the_command_line_gives_them() -> None:
    context = {
        "telemetry.mode": "async",
        "telemetry.queue_size": "100",
        "telemetry.sampler": "traceidratio",
        "telemetry.sampler_ratio": "0.5",
        "telemetry.propagators": "tracecontext, xray",
        "telemetry.resource_attributes": "team=shop,stage=prod",
        "telemetry.disabled": "true",
        "telemetry.instrumentations": ["botocore"],
        "telemetry.subscription_filter_quota": 5,
        "@aws-cdk/core:other": True,
    }
    assert TelemetrySettings.from_context(context) == TelemetrySettings(
        mode="async",
        queue_size=100,
        sampler="traceidratio",
        sampler_ratio=0.5,
        propagators=("tracecontext", "xray"),
        resource_attributes={"team": "shop", "stage": "prod"},
        disabled=True,
        instrumentations=("botocore",),
    )


@pytest.mark.parametrize("value", ["many", "1.5", 0])
def test_a_bad_value_in_context_is_named(value: object) -> None:
    settings = TelemetrySettings.from_context({"telemetry.queue_size": value})
    with pytest.raises(SettingsError, match=rf"^CDK context: .*queue_size is {value!r}; it must"):
        settings.check("CDK context")


@pytest.mark.parametrize("value", ["team", "team=shop,prod"])
def test_text_in_context_that_is_no_pairs_is_named(value: str) -> None:
    settings = TelemetrySettings.from_context({"telemetry.resource_attributes": value})
    with pytest.raises(SettingsError, match=rf"resource_attributes is {value!r}; it must be a map"):
        settings.check("CDK context")


def test_an_unknown_key_in_context_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        SettingsError, match=r"'telemetry\.moed' is not a telemetry .*mode, queue_size"
    ):
        TelemetrySettings.from_context({"telemetry.moed": "async"})


@pytest.mark.parametrize("sizes", [{"queue_size": 10, "batch_size": 11}, {"batch_size": 2049}])
def test_a_batch_is_not_larger_than_the_queue(sizes: dict[str, Any]) -> None:
    assert "must not be above queue_size" in "".join(TelemetrySettings(**sizes).conflicts())


def test_everything_that_is_wrong_is_said_at_once_with_where_it_is_used() -> None:
    settings = TelemetrySettings(mode="turbo", compression_level=11)  # type: ignore[arg-type] # bad
    with pytest.raises(SettingsError, match=r"^Shop/Orders: .*mode.*compression_level"):
        settings.check("Shop/Orders")


def test_settings_cannot_be_changed_and_take_keywords_only() -> None:
    settings = TelemetrySettings(mode="sync")
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.mode = "async"  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        TelemetrySettings("sync")  # type: ignore[call-arg]  # what is tested
    assert settings == TelemetrySettings(mode="sync")


def test_settings_and_the_package_are_imported_without_the_cdk_and_opentelemetry() -> None:
    code = (
        "import sys, lambda_otel_lite_cdk\n"
        "lambda_otel_lite_cdk.TelemetrySettings(mode='sync').environment()\n"
        "print({'aws_cdk', 'opentelemetry'} & sys.modules.keys() or 'neither')"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said == "neither\n"
