"""Say how a function's telemetry behaves, and check it before anything is deployed."""

# ruff: noqa: RUF009 - `_setting` declares a field as `dataclasses.field` does

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self

from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.settings import values as rules
from lambda_otel_lite_cdk.settings import variables as env

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_otel_lite_cdk.settings.values import Rule

#: When spans leave the function. Source: the runtime's specification, "Processing Modes".
ProcessorMode = Literal["sync", "async", "finalize"]
#: Who writes the log records.
Exporter = Literal["native", "package"]
#: Source: OpenTelemetry environment variable specification, "OTEL_TRACES_SAMPLER".
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
#: Defaults are given in CDK context under this name and a field's: ``telemetry.mode``.
CONTEXT_PREFIX = "telemetry."
#: How many filters a log group takes. AWS's pages say 2, newer sources 5: a setting of the account,
#: not of functions.
QUOTA_KEY = f"{CONTEXT_PREFIX}subscription_filter_quota"
DEFAULT_QUOTA = 2
_QUOTA = rules.whole_number(1, 100)
#: Largest queue or batch that the runtime accepts.
_MOST_SPANS = 1_000_000
#: The runtime's own default. Source: its specification, "Processing Configuration".
_DEFAULT_QUEUE_SIZE = 2048
_EXTRACTORS = (
    *("auto", "default", "api_gateway_v1", "api_gateway_v2", "websocket", "function_url", "alb"),
    *("sqs", "sns", "kinesis", "eventbridge", "s3", "dynamodb", "cloudwatch_logs"),
    *("step_functions", "cognito", "appsync"),
)
_PROPAGATORS = ("tracecontext", "baggage", "xray", "xray-lambda", "b3", "b3multi", "none")
_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


def _setting(variable: str | None, rule: Rule, default: str) -> Any:
    """Declare a field: its variable, what it accepts, and the default as a message names it."""
    return field(
        default=None, metadata={"variable": variable, "rule": rule, "default": default}, repr=True
    )


@dataclass(frozen=True)
class TelemetrySettings:
    """Hold the telemetry settings of a function or of a whole fleet.

    A field that is not set leaves its environment variable unset, so that the runtime's default
    holds. Values are checked when the settings are constructed. What is wrong is raised, all of it
    at once, where the settings are used: only there is the construct known that has to be named.

    Args:
        mode: When spans leave the function: ``"sync"`` in the handler's thread before the response,
            ``"async"`` after the response, ``"finalize"`` only at shutdown. Default ``"sync"``.
        queue_size: Ended spans kept until they leave, 1 to 1,000,000; more are dropped and counted.
            Default 2048 spans.
        batch_size: Spans in one record at most, 1 to 1,000,000 and not above ``queue_size``.
            Default 512 spans.
        compression_level: Gzip level of a record, 0 (none) to 9 (smallest). Default 6.
        exporter: ``"native"``, the runtime's own writer, or ``"package"``, the package
            otlp-stdout-span-exporter with the protobuf it needs, which ties the layer to one
            architecture. Both write the same records. Default ``"native"``.
        line_limit: Longest log record in bytes, 1024 to 1,048,576. Default 61,440 bytes.
        timeout_margin: How long before the deadline open spans are ended, 0 (never) to 60,000 ms.
            Default 200 ms.
        service_name: The service that the spans belong to. Default: the function's name.
        resource_attributes: Attributes of everything that the function emits. Default: none.
        propagators: How the caller's context is read and passed on. Default
            ``("tracecontext", "baggage", "xray-lambda")``.
        sampler: Which traces are kept. Default ``"parentbased_always_on"``.
        sampler_ratio: Share of traces that a ``traceidratio`` sampler keeps, 0 to 1. Default 1.
        extractor: How events are read: ``"auto"``, the name of one source, or
            ``"module:function"``. Default ``"auto"``.
        instrumentations: ``opentelemetry-instrumentation-*`` packages of the function to switch on,
            such as ``("botocore",)``. Default: none.
        log_level: Level of the library's own log lines. It is the variable ``LOG_LEVEL``, which a
            function's own code may read too. Default: the function's log level.
        record_level: The ``level`` of log records. Default: one that passes the function's own.
        semconv_opt_in: ``"http"`` leaves only the stable HTTP attribute names, ``"http/dup"``
            writes these and the older ones. Default ``"http/dup"``.
        disabled: True leaves the bare handler. Default False.
        layer_arn: A telemetry layer that is published already, with its version, in place of one
            that is staged and deployed with the stack. Default: none.

    Source of names and defaults: the runtime's specification, "Environment Variables".
    """

    _: KW_ONLY
    mode: ProcessorMode | None = _setting(
        env.PROCESSOR_MODE, rules.one_of("sync", "async", "finalize"), "'sync'"
    )
    queue_size: int | None = _setting(
        env.QUEUE_SIZE, rules.whole_number(1, _MOST_SPANS), str(_DEFAULT_QUEUE_SIZE)
    )
    batch_size: int | None = _setting(env.BATCH_SIZE, rules.whole_number(1, _MOST_SPANS), "512")
    compression_level: int | None = _setting(env.COMPRESSION_LEVEL, rules.whole_number(0, 9), "6")
    exporter: Exporter | None = _setting(
        env.EXPORTER, rules.one_of("native", "package"), "'native'"
    )
    line_limit: int | None = _setting(
        env.LINE_LIMIT, rules.whole_number(1024, 1_048_576), "61440 bytes"
    )
    timeout_margin: int | None = _setting(
        env.TIMEOUT_MARGIN, rules.whole_number(0, 60_000), "200 ms"
    )
    service_name: str | None = _setting(
        env.SERVICE_NAME, rules.text("a name"), "the function's name"
    )
    resource_attributes: Mapping[str, str] | None = _setting(
        env.RESOURCE_ATTRIBUTES, rules.pairs(), "none"
    )
    propagators: tuple[str, ...] | None = _setting(
        env.PROPAGATORS, rules.names(*_PROPAGATORS), "tracecontext, baggage and xray-lambda"
    )
    sampler: Sampler | None = _setting(
        env.TRACES_SAMPLER,
        rules.one_of(
            *("always_on", "always_off", "traceidratio"),
            *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
        ),
        "'parentbased_always_on'",
    )
    sampler_ratio: float | None = _setting(env.TRACES_SAMPLER_ARG, rules.fraction(), "1")
    extractor: str | None = _setting(env.EXTRACTOR, rules.extractor(*_EXTRACTORS), "'auto'")
    instrumentations: tuple[str, ...] | None = _setting(env.INSTRUMENTATIONS, rules.names(), "none")
    log_level: str | None = _setting(
        env.LOG_LEVEL, rules.one_of(*_LEVELS), "the function's log level"
    )
    record_level: str | None = _setting(
        env.RECORD_LOG_LEVEL, rules.one_of(*_LEVELS), "one that passes the function's log level"
    )
    semconv_opt_in: Literal["http", "http/dup"] | None = _setting(
        env.SEMCONV_STABILITY_OPT_IN, rules.one_of("http", "http/dup"), "'http/dup'"
    )
    disabled: bool | None = _setting(env.SDK_DISABLED, rules.flag(), "False")
    layer_arn: str | None = _setting(
        None,
        # A token stands for an ARN that is known at deployment only.
        rules.text("a layer version's ARN", r"arn:[\w-]+:lambda:.+:layer:.+:\d+|.*\$\{Token\[.*"),
        "a layer that is deployed with the stack",
    )

    def __post_init__(self) -> None:
        # Kept outside the fields: what is wrong with two equal settings is equal too.
        object.__setattr__(self, "_problems", tuple(self._find_problems()))

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Return the settings that CDK context gives: ``telemetry.mode`` and so on.

        Args:
            context: All context values of a construct. Texts, as ``cdk synth -c`` gives them, are
                read as values; lists are written with commas, attributes as ``key=value``.

        Raises:
            SettingsError: A name under ``telemetry.`` is no setting, or the quota of subscription
                filters, which is given there too, is out of range.
        """
        known = {item.name: item for item in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in context.items():
            name = key.removeprefix(CONTEXT_PREFIX)
            if name == key:
                continue
            if key == QUOTA_KEY:
                _check_quota(value)
                continue
            if name not in known:
                raise SettingsError(
                    f"CDK context: the key {key!r} is no telemetry setting; it must be "
                    f"{CONTEXT_PREFIX!r} and one of {', '.join(known)}. Correct it in cdk.json or "
                    f"on the command line."
                )
            values[name] = _read(known[name].metadata["rule"], value)
        return cls(**values)

    def merge(self, other: TelemetrySettings) -> TelemetrySettings:
        """Return these settings with what is set in others in their place.

        Args:
            other: The settings that win; of resource attributes, each attribute wins for itself.
        """
        values: dict[str, Any] = {}
        for name in (item.name for item in fields(self)):
            ours, theirs = getattr(self, name), getattr(other, name)
            if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
                values[name] = {**ours, **theirs}
            else:
                values[name] = ours if theirs is None else theirs
        return TelemetrySettings(**values)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with these settings, one sentence each with value, range and fix."""
        problems: tuple[str, ...] = vars(self)["_problems"]
        return problems

    def check(self, where: str) -> None:
        """Raise what is wrong with the values of these settings.

        Args:
            where: The construct that uses the settings, such as ``Shop/Orders``.

        Raises:
            SettingsError: A value is out of range; the message names every such value.
        """
        if self.problems:
            raise SettingsError(f"{where}: " + " ".join(self.problems))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that carry these settings to the runtime.

        Raises:
            SettingsError: A value is out of range.
        """
        self.check("TelemetrySettings")
        # The runtime's own default needs protobuf, which the layer does not hold.
        variables = {env.EXPORTER: "native"}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.metadata["variable"] is not None and value is not None:
                variables[item.metadata["variable"]] = item.metadata["rule"].write(value)
        return variables

    def conflicts(self) -> Iterator[str]:
        """Yield which values do not go together, once all settings of a function are merged."""
        queue = self.queue_size or _DEFAULT_QUEUE_SIZE
        if self.batch_size is not None and self.batch_size > queue:
            yield (
                f"TelemetrySettings.batch_size is {self.batch_size}, but the queue holds {queue} "
                f"spans: it must not be above queue_size. Lower batch_size or raise queue_size."
            )
        if self.sampler_ratio is not None and not str(self.sampler).endswith("traceidratio"):
            yield (
                f"TelemetrySettings.sampler_ratio is {self.sampler_ratio}, which the sampler "
                f"{self.sampler!r} does not read. Set sampler to 'parentbased_traceidratio', or "
                f"leave sampler_ratio out."
            )

    def _find_problems(self) -> Iterator[str]:
        for item in fields(self):
            value, rule = getattr(self, item.name), item.metadata["rule"]
            if value is not None and not rule.accepts(value):
                yield (
                    f"TelemetrySettings.{item.name} is {value!r}; it must be {rule.accepted}. "
                    f"Correct it, or leave it out for the default, {item.metadata['default']}."
                )


def _check_quota(value: Any) -> None:
    if not _QUOTA.accepts(_read(_QUOTA, value)):
        raise SettingsError(
            f"CDK context: {QUOTA_KEY} is {value!r}; it must be {_QUOTA.accepted}. Correct it, or "
            f"leave it out for the default, {DEFAULT_QUOTA}."
        )


def _read(rule: Rule, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str) or rule.accepts(value):
        return value
    try:
        return rule.read(value)
    except ValueError:
        # As it is: the check names it.
        return value
