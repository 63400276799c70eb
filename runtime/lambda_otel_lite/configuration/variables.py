"""The environment variables of the runtime, each declared once.

A variable that users set is a row of `SETTINGS` or of `SHARED`. From its row come what
`Settings.from_environ` reads and reports, what the CDK package's `TelemetrySettings` accepts and
says, the table in docs/settings.md, and the defaults and ranges in docstrings: `make docs` writes
the texts, and tests compare. To add a setting, add its row here, a field of the same name to
`Settings`, and, if an app is to set it, a field of the same name to `TelemetrySettings`.

Every cold start loads this module, so the rows are plain data that only the type checker has types
for. It is the one module of the runtime that the CDK package imports.
"""

from typing import TYPE_CHECKING, Final

from lambda_otel_lite.extractors.auto import NAMES as _EXTRACTORS

if TYPE_CHECKING:
    from lambda_otel_lite.configuration.kinds import (
        Choice,
        Fraction,
        Level,
        Readable,
        Rule,
        Variable,
        WholeNumber,
    )

#: Among the instrumentations: no package, but what the function does through the X-Ray SDK.
XRAY: Final = "xray"
#: The same for AWS's OpenTelemetry plugin of durable executions.
DURABLE: Final = "durable"

#: The handler of an instrumented function; it calls the function's own, which is in `HANDLER`.
ENTRY_POINT: Final = "lambda_otel_lite_entry.handler"

_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

# fmt: off
#: What `KEEP` names. What each looks at is in the runtime's `sampling.rules`.
KEEP_RULES: "Final[tuple[Rule, ...]]" = (
    {"name": "timeouts", "meaning": "It reached its deadline."},
    {"name": "errors",
     "meaning": "One of its spans has status ERROR, as after an exception or with HTTP status 500"
                " and above."},
    {"name": "cold_starts", "meaning": "It was the first of its execution environment."},
    {"name": "slower_than_ms", "accepted": (1, 900_000), "unit": "ms",
     "meaning": "It took longer."},
    {"name": "ratio", "accepted": (0, 1),
     "meaning": "Its trace is among this share of all traces, by the trace's id; where no sampler"
                " is chosen, this is the head decision too."},
)

#: What the runtime reads. The first three are of lambda-otel-lite
#: (https://pypi.org/project/lambda-otel-lite/0.8.2/), those that begin with `OTLP_STDOUT` of
#: https://pypi.org/project/otlp-stdout-span-exporter/, those that begin with `OTEL` of
#: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
SETTINGS: "Final[tuple[Readable, ...]]" = (
    {"name": (PROCESSOR_MODE := "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"), "setting": "mode",
     "kind": "choice", "accepted": ("sync", "async", "finalize"), "default": "sync",
     "meaning": "When spans leave the function: `sync` before the response, `async` after it,"
                " `finalize` at shutdown or by your own span processor."},
    {"name": (QUEUE_SIZE := "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE"), "setting": "queue_size",
     "kind": "whole number", "accepted": (1, 1_000_000), "default": 2048, "unit": "spans",
     "meaning": "Most ended spans that wait for their export; more are dropped and counted in a"
                " warning and on the handler's span, which is kept."},
    {"name": (BATCH_SIZE := "LAMBDA_SPAN_PROCESSOR_BATCH_SIZE"), "setting": "batch_size",
     "kind": "whole number", "accepted": (1, 1_000_000), "default": 512, "unit": "spans",
     "meaning": "Most spans in one log record; at most the size of the queue."},
    {"name": (COMPRESSION_LEVEL := "OTLP_STDOUT_SPAN_EXPORTER_COMPRESSION_LEVEL"),
     "setting": "compression_level",
     "kind": "whole number", "accepted": (0, 9), "default": 6,
     "meaning": "Gzip level of a log record; the lowest does not compress, the highest compresses"
                " most."},
    {"name": (RECORD_LOG_LEVEL := "OTLP_STDOUT_SPAN_EXPORTER_LOG_LEVEL"),
     "setting": "record_level",
     "kind": "level", "accepted": _LEVELS,
     "otherwise": "one that passes the function's log level",
     "meaning": "The `level` that log records carry; the text log format needs none."},
    {"name": (OUTPUT_TYPE := "OTLP_STDOUT_SPAN_EXPORTER_OUTPUT_TYPE"), "setting": "output_type",
     "kind": "choice", "accepted": ("stdout", "pipe"), "default": "stdout",
     "meaning": "Where log records go: `pipe` is the named pipe of `otlp-stdout-span-exporter`,"
                " or stdout while nobody reads it."},
    {"name": (EXPORTER := "LAMBDA_OTEL_EXPORTER"), "setting": "exporter",
     "kind": "choice", "accepted": ("native", "package"), "default": "package",
     "constructs": "native",
     "meaning": "Who writes log records: `native` is the runtime's own writer, `package` is"
                " `otlp-stdout-span-exporter` with the protobuf it needs, which ties the layer to"
                " one architecture."},
    {"name": (LINE_LIMIT := "LAMBDA_OTEL_LINE_LIMIT"), "setting": "line_limit",
     "kind": "whole number", "accepted": (1024, 1_048_576), "default": 61_440, "unit": "bytes",
     "meaning": "Longest log record."},
    {"name": (TIMEOUT_MARGIN := "LAMBDA_OTEL_TIMEOUT_MARGIN"), "setting": "timeout_margin",
     "kind": "whole number", "accepted": (0, 60_000), "default": 200, "unit": "ms",
     "meaning": "How long before the deadline open spans are ended; `0` never ends them."},
    {"name": (HANDLER := "LAMBDA_OTEL_HANDLER"), "setting": "handler",
     "kind": "text", "default": None,
     "meaning": f"Your handler, for the entry point `{ENTRY_POINT}`."},
    {"name": (EXTRACTOR := "LAMBDA_OTEL_EXTRACTOR"), "setting": "extractor",
     "kind": "reference", "accepted": _EXTRACTORS, "default": "auto",
     "meaning": "How the entry point reads events: `auto` finds out the source of each."},
    {"name": (INSTRUMENTATIONS := "LAMBDA_OTEL_INSTRUMENTATIONS"), "setting": "instrumentations",
     "kind": "names", "accepted": (), "default": (),
     "meaning": "`opentelemetry-instrumentation-*` packages of your function to switch on, such as"
                " `botocore`. `xray` makes spans of what it does through the X-Ray SDK or"
                " Powertools Tracer, `durable` of the steps of durable executions, by AWS's"
                " `aws-durable-execution-sdk-python-otel` in your code."},
    {"name": (LOG_CORRELATION := "LAMBDA_OTEL_LOG_CORRELATION"), "setting": "log_correlation",
     "kind": "switch", "default": False,
     "meaning": "Whether log records of the `logging` module carry the ids of the span that they"
                " are written in."},
    {"name": (TENANT_ID := "LAMBDA_OTEL_TENANT_ID"), "setting": "tenant_id",
     "kind": "switch", "default": False,
     "meaning": "Whether the handler's span says, as `aws.lambda.tenant_id`, for which tenant"
                " an isolated function runs."},
    {"name": (KEEP := "LAMBDA_OTEL_KEEP"), "setting": "keep",
     "kind": "rules", "accepted": KEEP_RULES,
     "meaning": "Which invocations are exported, decided when each has ended: one to which a rule"
                " applies, or that the caller or the sampler has sampled."},
    {"name": (DROP_ATTRIBUTES := "LAMBDA_OTEL_DROP_ATTRIBUTES"), "setting": "drop_attributes",
     "kind": "names", "accepted": (), "default": (),
     "meaning": "Attributes that never leave the function, by name; `*` stands for any"
                " characters."},
    {"name": (REDACT := "LAMBDA_OTEL_REDACT"), "setting": "redact",
     "kind": "names", "accepted": (), "default": (),
     "meaning": "Attributes of which the value is replaced by `REDACTED`, by name, such as"
                " `url.query`; `*` stands for any characters."},
    {"name": (SERVICE_NAME := "OTEL_SERVICE_NAME"), "setting": "service_name",
     "kind": "text", "default": "unknown_service",
     "otherwise": "`service.name` of the resource attributes, else the function's name",
     "meaning": "The service that the spans belong to."},
    {"name": (RESOURCE_ATTRIBUTES := "OTEL_RESOURCE_ATTRIBUTES"), "setting": "resource_attributes",
     "kind": "pairs",
     "meaning": "Attributes of everything that the function emits."},
    {"name": (RESOURCE_DETECTORS := "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"),
     "setting": "resource_detectors",
     "kind": "names", "accepted": (), "default": (),
     "meaning": "Resource detectors of installed packages to run at start-up, such as `process`;"
                " `*` runs all."},
    {"name": (PROPAGATORS := "OTEL_PROPAGATORS"), "setting": "propagators",
     "kind": "names",
     "accepted": ("tracecontext", "baggage", "xray", "xray-lambda", "b3", "b3multi", "jaeger",
                  "ottrace", "none"),
     "default": ("tracecontext", "baggage", "xray-lambda"),
     "meaning": "How the caller's context is read and passed on; W3C wins where several are"
                " present. `b3`, `b3multi`, `jaeger` and `ottrace` need their"
                " `opentelemetry-propagator-*` package in your code."},
    {"name": (SEMCONV_STABILITY_OPT_IN := "OTEL_SEMCONV_STABILITY_OPT_IN"),
     "setting": "semconv_opt_in",
     "kind": "opt-in", "accepted": ("http", "http/dup"), "default": "http/dup",
     "meaning": "`http` leaves only the stable HTTP attribute names, `http/dup` writes these and"
                " the older ones."},
    {"name": (SDK_DISABLED := "OTEL_SDK_DISABLED"), "setting": "disabled",
     "kind": "switch", "default": False,
     "meaning": "Whether telemetry is off and the bare handler runs."},
)

# What the OpenTelemetry SDK reads; it is shown what it accepts.
SAMPLER: "Final[Choice]" = {
    "name": (TRACES_SAMPLER := "OTEL_TRACES_SAMPLER"), "setting": "sampler",
    "kind": "choice",
    "accepted": ("always_on", "always_off", "traceidratio", "parentbased_always_on",
                 "parentbased_always_off", "parentbased_traceidratio"),
    "default": "parentbased_always_on",
    "meaning": "Which traces are kept; read by the OpenTelemetry SDK.",
}
SAMPLER_RATIO: "Final[Fraction]" = {
    "name": (TRACES_SAMPLER_ARG := "OTEL_TRACES_SAMPLER_ARG"), "setting": "sampler_ratio",
    "kind": "fraction", "accepted": (0, 1), "default": 1,
    "meaning": "Share of traces that a `traceidratio` sampler keeps; read by the OpenTelemetry"
               " SDK.",
}

#: What the function's own code or the OpenTelemetry SDK reads as well.
SHARED: "Final[tuple[Level | Choice | Fraction | WholeNumber, ...]]" = (
    {"name": (AWS_LOG_LEVEL := "AWS_LAMBDA_LOG_LEVEL"), "setting": "aws_log_level",
     "kind": "level", "accepted": (*_LEVELS, "NONE"), "otherwise": "that of `LOG_LEVEL`",
     "meaning": "Level of the library's own log lines, ahead of `LOG_LEVEL`; Lambda sets it with"
                " the JSON log format."},
    {"name": (LOG_LEVEL := "LOG_LEVEL"), "setting": "log_level",
     "kind": "level", "accepted": (*_LEVELS, "NONE"), "otherwise": "the function's log level",
     "meaning": "Level of the library's own log lines; the function's own code may read it too."},
    SAMPLER,
    SAMPLER_RATIO,
    {"name": (MAX_ATTRIBUTE_LENGTH := "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
     "setting": "max_attribute_length",
     "kind": "whole number", "accepted": (0, 1_000_000), "default": 0, "otherwise": "no limit",
     "unit": "characters",
     "meaning": "Longest text of an attribute, the rest is cut off; read by the OpenTelemetry"
                " SDK."},
)
# fmt: on

#: All of these by the name of the setting.
BY_SETTING: "Final[dict[str, Variable]]" = {row["setting"]: row for row in (*SETTINGS, *SHARED)}

#: The SDK's own limits, and what it uses where they are not set; an empty one is no limit, and the
#: SDK raises where one is no whole number. Source:
#: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
SDK_LIMITS: "Final[dict[str, str]]" = {
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "128",
    MAX_ATTRIBUTE_LENGTH: "no limit",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "that of OTEL_ATTRIBUTE_COUNT_LIMIT, else 128",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "that of OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "128",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "128",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "that of OTEL_ATTRIBUTE_COUNT_LIMIT, else 128",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "that of OTEL_ATTRIBUTE_COUNT_LIMIT, else 128",
}

# What Lambda itself sets and the runtime reads:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
AWS_REGION: Final = "AWS_REGION"
FUNCTION_NAME: Final = "AWS_LAMBDA_FUNCTION_NAME"
FUNCTION_VERSION: Final = "AWS_LAMBDA_FUNCTION_VERSION"
LOG_GROUP_NAME: Final = "AWS_LAMBDA_LOG_GROUP_NAME"
LOG_STREAM_NAME: Final = "AWS_LAMBDA_LOG_STREAM_NAME"
MEMORY_SIZE: Final = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
LOG_FORMAT: Final = "AWS_LAMBDA_LOG_FORMAT"
RUNTIME_API: Final = "AWS_LAMBDA_RUNTIME_API"
INITIALIZATION_TYPE: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"
MAX_CONCURRENCY: Final = "AWS_LAMBDA_MAX_CONCURRENCY"
PLATFORM_HANDLER: Final = "_HANDLER"
XRAY_TRACE_HEADER: Final = "_X_AMZN_TRACE_ID"

#: What AWS's SDK for durable executions reads: names of its plugins
#: (https://github.com/aws/aws-durable-execution-sdk-python).
DURABLE_PLUGINS: Final = "DURABLE_EXECUTION_PLUGINS"


def default_number(setting: str) -> int:
    """Return the default of a setting that is a number.

    Raises:
        TypeError: It is not.
    """
    default = BY_SETTING[setting].get("default")
    if not isinstance(default, int):
        raise TypeError(f"the default of {setting} is {default!r}, which is not a number")
    return default


def default_text(setting: str) -> str:
    """Return the default of a setting that is a text.

    Raises:
        TypeError: It is not.
    """
    default = BY_SETTING[setting].get("default")
    if not isinstance(default, str):
        raise TypeError(f"the default of {setting} is {default!r}, which is not a text")
    return default
