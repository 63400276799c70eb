"""Say how a function's telemetry behaves, and check it before anything is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.settings.keep import Keep
from lambda_otel_lite_cdk.settings.tokens import is_token
from lambda_otel_lite_cdk.settings.values import flag, read, rule_of, text, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

#: When spans leave the function.
ProcessorMode = Literal["sync", "async", "finalize"]
#: Who writes the log records.
Exporter = Literal["native", "package"]
#: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]
#: Which HTTP attribute names are written.
SemconvOptIn = Literal["http", "http/dup"]
#: Defaults are given in CDK context under this name and a field's: ``telemetry.mode``.
CONTEXT_PREFIX = "telemetry."
#: How many filters a log group takes. AWS's pages say 2, newer sources 5: a setting of the account,
#: not of functions.
QUOTA_KEY = f"{CONTEXT_PREFIX}subscription_filter_quota"
DEFAULT_QUOTA = 2
_QUOTA = whole_number(1, 100)
#: What each field accepts. All but two are rows of the runtime's table.
_RULES = {name: rule_of(variable) for name, variable in env.BY_SETTING.items()} | {
    "layer_arn": text(
        "a layer version's ARN",
        # A token stands for an ARN that is known at deployment only.
        r"arn:[\w-]+:lambda:.+:layer:.+:\d+|.*\$\{Token\[.*|\{\{resolve:.*",
        default="a layer that is deployed with the stack",
    ),
    "newer_python": replace(flag(), default="False"),
}


@dataclass(frozen=True)
class TelemetrySettings:
    """Hold the telemetry settings of a function or of a whole fleet.

    A field that is not set leaves its environment variable unset, so that the runtime's default
    holds. What is wrong is raised where the settings are used, all of it at once, because only then
    is it known which construct to name.

    Args:
        mode: When spans leave the function: ``sync`` before the response, ``async`` after it,
            ``finalize`` at shutdown or by your own span processor. Accepted: ``"sync"``,
            ``"async"``, ``"finalize"``. Default: ``"sync"``.
        queue_size: Most ended spans that wait for their export; more are dropped and counted in a
            warning and on the handler's span, which is kept. Accepted: 1 to 1,000,000 spans.
            Default: 2048 spans.
        batch_size: Most spans in one log record; at most the size of the queue. Accepted: 1 to
            1,000,000 spans. Default: 512 spans.
        compression_level: Gzip level of a log record; the lowest does not compress, the highest
            compresses most. Accepted: 0 to 9. Default: 6.
        exporter: Who writes log records: ``native`` is the runtime's own writer, ``package`` is
            ``otlp-stdout-span-exporter`` with the protobuf it needs, which ties the layer to one
            architecture. Accepted: ``"native"``, ``"package"``. Default: ``"native"``.
        line_limit: Longest log record. Accepted: 1,024 to 1,048,576 bytes. Default: 61440 bytes.
        timeout_margin: How long before the deadline open spans are ended; ``0`` never ends them.
            Accepted: 0 to 60,000 ms. Default: 200 ms.
        service_name: The service that the spans belong to. Default: service.name of the resource
            attributes, else the function's name, else unknown_service.
        resource_attributes: Attributes of everything that the function emits. Default: none.
        propagators: How the caller's context is read and passed on; W3C wins where several are
            present. ``b3``, ``b3multi``, ``jaeger`` and ``ottrace`` need their
            ``opentelemetry-propagator-*`` package in your code. Accepted: ``"tracecontext"``,
            ``"baggage"``, ``"xray"``, ``"xray-lambda"``, ``"b3"``, ``"b3multi"``, ``"jaeger"``,
            ``"ottrace"``, ``"none"``. Default: ``("tracecontext", "baggage", "xray-lambda")``.
        sampler: Which traces are kept; read by the OpenTelemetry SDK. Accepted: ``"always_on"``,
            ``"always_off"``, ``"traceidratio"``, ``"parentbased_always_on"``,
            ``"parentbased_always_off"``, ``"parentbased_traceidratio"``. Default:
            ``"parentbased_always_on"``.
        sampler_ratio: Share of traces that a ``traceidratio`` sampler keeps; read by the
            OpenTelemetry SDK. Accepted: 0 to 1. Default: 1.
        extractor: How the entry point reads events: ``auto`` finds out the source of each.
            Accepted: ``"auto"``, ``"default"``, ``"api_gateway_v2"``, ``"alb"``, ``"websocket"``,
            ``"api_gateway_v1"``, ``"vpc_lattice"``, ``"sqs"``, ``"sns"``, ``"kinesis"``, ``"s3"``,
            ``"dynamodb"``, ``"ses"``, ``"kafka"``, ``"activemq"``, ``"rabbitmq"``,
            ``"documentdb"``, ``"eventbridge"``, ``"cloudwatch_logs"``, ``"cognito"``,
            ``"step_functions"``, ``"appsync"``, ``"firehose"``, ``"durable"``, ``"function_url"``,
            ``"module:function"``. Default: ``"auto"``.
        instrumentations: ``opentelemetry-instrumentation-*`` packages of your function to switch
            on, such as ``botocore``. ``xray`` makes spans of what it does through the X-Ray SDK or
            Powertools Tracer, ``durable`` of the steps of durable executions, by AWS's
            ``aws-durable-execution-sdk-python-otel`` in your code. Default: none.
        keep: Which invocations are exported, decided when each has ended: one to which a rule
            applies, or that the caller or the sampler has sampled. Default: none.
        drop_attributes: Attributes that never leave the function, by name; ``*`` stands for any
            characters. Default: none.
        redact: Attributes of which the value is replaced by ``REDACTED``, by name, such as
            ``url.query``; ``*`` stands for any characters. Default: none.
        max_attribute_length: Longest text of an attribute, the rest is cut off; read by the
            OpenTelemetry SDK. Accepted: 0 to 1,000,000 characters. Default: no limit.
        log_level: Level of the library's own log lines; the function's own code may read it too.
            Accepted: ``"TRACE"``, ``"DEBUG"``, ``"INFO"``, ``"WARN"``, ``"ERROR"``, ``"FATAL"``,
            ``"NONE"``. Default: the function's log level.
        log_correlation: Whether log records of the ``logging`` module carry the ids of the span
            that they are written in. Default: ``False``.
        tenant_id: Whether the handler's span says, as ``aws.lambda.tenant_id``, for which tenant an
            isolated function runs. Default: ``False``.
        record_level: The ``level`` that log records carry; the text log format needs none.
            Accepted: ``"TRACE"``, ``"DEBUG"``, ``"INFO"``, ``"WARN"``, ``"ERROR"``, ``"FATAL"``.
            Default: one that passes the function's log level.
        semconv_opt_in: ``http`` leaves only the stable HTTP attribute names, ``http/dup`` writes
            these and the older ones. Accepted: ``"http"``, ``"http/dup"``. Default: ``"http/dup"``.
        disabled: Whether telemetry is off and the bare handler runs. Default: ``False``.
        layer_arn: A telemetry layer that is published already, with its version, in place of one
            that is staged and deployed with the stack. Default: none.
        newer_python: Whether functions of a Python version that this version of the project does
            not know yet are instrumented as well, with a warning. Default: ``False``.

    ``make docs`` writes the above from the runtime's table,
    `lambda_otel_lite.configuration.variables`.
    """

    _: KW_ONLY
    mode: ProcessorMode | None = None
    queue_size: int | None = None
    batch_size: int | None = None
    compression_level: int | None = None
    exporter: Exporter | None = None
    line_limit: int | None = None
    timeout_margin: int | None = None
    service_name: str | None = None
    resource_attributes: Mapping[str, str] | None = None
    propagators: tuple[str, ...] | None = None
    sampler: Sampler | None = None
    sampler_ratio: float | None = None
    extractor: str | None = None
    instrumentations: tuple[str, ...] | None = None
    keep: Keep | None = None
    drop_attributes: tuple[str, ...] | None = None
    redact: tuple[str, ...] | None = None
    max_attribute_length: int | None = None
    log_level: str | None = None
    log_correlation: bool | None = None
    tenant_id: bool | None = None
    record_level: str | None = None
    semconv_opt_in: SemconvOptIn | None = None
    disabled: bool | None = None
    layer_arn: str | None = None
    newer_python: bool | None = None

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
            SettingsError: A name under ``telemetry.`` is not a setting, or the subscription quota,
                which is given there too, is out of range.
        """
        known = [item.name for item in fields(cls)]
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
                    f"CDK context: the key {key!r} is not a telemetry setting; it must be "
                    f"{CONTEXT_PREFIX!r} and one of {', '.join(known)}. Correct it in cdk.json or "
                    f"on the command line."
                )
            values[name] = read(_RULES[name], value)
        return cls(**values)

    def merge(self, other: TelemetrySettings) -> TelemetrySettings:
        """Return these settings with what is set in others in their place.

        Args:
            other: The settings that win; of resource attributes and of keep rules, each wins for
                itself.
        """
        values: dict[str, Any] = {}
        for name in (item.name for item in fields(self)):
            ours, theirs = getattr(self, name), getattr(other, name)
            if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
                values[name] = {**ours, **theirs}
            elif isinstance(ours, Keep) and isinstance(theirs, Keep):
                values[name] = ours.merge(theirs)
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
        variables = {}
        for name, variable in env.BY_SETTING.items():
            value = getattr(self, name, None)
            written = variable.get("constructs") if value is None else _RULES[name].write(value)
            if written is not None:
                variables[variable["name"]] = written
        return variables

    def conflicts(self) -> Iterator[str]:
        """Yield which values do not go together, once all settings of a function are merged."""
        queue = self.queue_size or env.default_number("queue_size")
        known = not (is_token(queue) or is_token(self.batch_size))
        if known and self.batch_size is not None and self.batch_size > queue:
            yield (
                f"TelemetrySettings.batch_size is {self.batch_size}, but the queue holds {queue} "
                f"spans: it must not be above queue_size. Lower batch_size or raise queue_size."
            )
        sampler = str(self.sampler)
        takes_ratio = sampler.endswith("traceidratio") or is_token(sampler)
        if self.sampler_ratio is not None and not takes_ratio:
            yield (
                f"TelemetrySettings.sampler_ratio is {self.sampler_ratio}, which the sampler "
                f"{self.sampler!r} does not read. Set sampler to 'parentbased_traceidratio', or "
                f"leave sampler_ratio out."
            )
        if isinstance(self.keep, Keep) and not self.keep.written():
            yield (
                "TelemetrySettings.keep names no rule. Name one, such as Keep(errors=True), or "
                "leave keep out to export every invocation that is sampled."
            )
        if self.keep is not None and sampler.endswith("always_on"):
            yield (
                f"TelemetrySettings.keep has no effect: the sampler {self.sampler!r} samples every "
                f"invocation. Leave sampler out, so that keep's ratio decides."
            )

    def _find_problems(self) -> Iterator[str]:
        for item in fields(self):
            value, rule = getattr(self, item.name), _RULES[item.name]
            if value is not None and not rule.accepts(value):
                yield (
                    f"TelemetrySettings.{item.name} is {value!r}; it must be {rule.accepted}. "
                    f"Correct it, or leave it out for the default, {rule.default}."
                )


def _check_quota(value: Any) -> None:
    if not _QUOTA.accepts(read(_QUOTA, value)):
        raise SettingsError(
            f"CDK context: {QUOTA_KEY} is {value!r}; it must be {_QUOTA.accepted}. Correct it, or "
            f"leave it out for the default, {DEFAULT_QUOTA}."
        )
