"""What is compared: the bare handler, this project, and what people use today."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
from tests.benchmarks.environments import own_layer, peer_layer

HANDLERS = Path(__file__).parent / "handlers"
EVENT = HANDLERS.parent / "event.json"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One way to run the workload.

    Args:
        name: As the tables show it.
        handler: What the platform is told to call.
        layer: Folder that holds ``python/``, or None.
        environment: Variables of the function.
    """

    name: str
    handler: str
    layer: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def function(self, python: str, spans: int) -> TemplateFunction:
        """Return the function as an assembly would describe it."""
        return TemplateFunction(
            logical_id="Orders",
            path=self.name,
            runtime=f"python{python}",
            handler=self.handler,
            architecture="x86_64",
            memory_mb=512,
            timeout_s=60,
            environment={**self.environment, "BENCH_SPANS": str(spans)},
            code=HANDLERS,
            inline_code=None,
            layers=(self.layer,) if self.layer else (),
            unresolved_layers=(),
        )


BARE = "bare handler"
SDK = "import of the SDK"
SDK_SPANS = "spans of the SDK, not exported"
SDK_LINE = "spans of the SDK, and a line"
OWN = "lambda-otel-lite (this)"
BY_HAND = "this, traced in the user's code"
OWN_UNCOMPILED = "this, no byte code"
OWN_KEPT = "this, kept by a keep rule"
OWN_UNKEPT = "this, not kept"
BEFORE = "this, before a change"
LITE = "lambda-otel-lite 0.15"
LITE_COMPILED = "0.15, valid byte code"
CONTRIB = "otel aws-lambda + OTLP"
XRAY = "aws-xray-sdk"
DATADOG = "datadog-lambda"


def own(layer: Path, name: str = OWN, *, mode: str = "sync", **others: str) -> Subject:
    """Return this project as the constructs deploy it.

    Args:
        layer: The telemetry layer.
        name: As the tables show it.
        mode: Processing mode.
        others: More variables of the function.
    """
    # Older commits' layers have their entry point elsewhere.
    has_entry = (layer / "python" / "lambda_otel_lite_entry.py").exists()
    return Subject(
        name=name,
        handler=f"lambda_otel_lite{'_entry' if has_entry else '.autowrap'}.handler",
        layer=layer,
        environment={
            "LAMBDA_OTEL_HANDLER": "zero_code.handler",
            "LAMBDA_OTEL_EXPORTER": "native",
            "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": mode,
            **others,
        },
    )


def by_hand(layer: Path) -> Subject:
    """Return a function that is traced in its own code."""
    return Subject(
        name=BY_HAND,
        handler="traced_by_hand.handler",
        layer=layer,
        environment={"LAMBDA_OTEL_EXPORTER": "native"},
    )


def kept_and_not(layer: Path) -> list[Subject]:
    """Return this project with keep rules: one that keeps every invocation, one that keeps none."""
    # Its caller has sampled the event.
    head = {"OTEL_TRACES_SAMPLER": "always_off"}
    return [
        own(layer, OWN_KEPT, LAMBDA_OTEL_KEEP="errors,ratio=1", **head),
        own(layer, OWN_UNKEPT, LAMBDA_OTEL_KEEP="errors,ratio=0", **head),
    ]


def sdk_spans(layer: Path) -> Subject:
    """Return the floor: what whoever makes spans by the SDK pays, if all else cost nothing."""
    return Subject(name=SDK_SPANS, handler="sdk_span.handler", layer=layer)


def all_subjects(python: str, collector: str, before: Path | None = None) -> list[Subject]:
    """Return every subject, its environment installed.

    Args:
        python: Minor version of the target Python.
        collector: Base URL of an OTLP receiver on loopback, for the peer that exports to one.
        before: Folder of a layer of an older commit, which is measured too.
    """
    layer = own_layer(python, byte_code="valid")
    sdk = peer_layer("opentelemetry-sdk", python, byte_code="valid")
    lite = "lite_015.handler"
    stale = peer_layer("lambda-otel-lite", python, byte_code="stale")
    valid = peer_layer("lambda-otel-lite", python, byte_code="valid")
    return [
        Subject(name=BARE, handler="bare.handler"),
        Subject(name=SDK, handler="sdk_import.handler", layer=sdk),
        sdk_spans(layer),
        Subject(name=SDK_LINE, handler="sdk_line.handler", layer=layer),
        own(layer),
        by_hand(layer),
        *kept_and_not(layer),
        *([own(before, BEFORE)] if before else []),
        own(own_layer(python, byte_code="none"), OWN_UNCOMPILED),
        Subject(name=LITE, handler=lite, layer=stale),
        Subject(name=LITE_COMPILED, handler=lite, layer=valid),
        Subject(
            name=CONTRIB,
            handler="otel_contrib.handler",
            layer=peer_layer("opentelemetry-instrumentation-aws-lambda", python, byte_code="valid"),
            environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector},
        ),
        Subject(
            name=XRAY,
            handler="xray_sdk.handler",
            layer=peer_layer("aws-xray-sdk", python, byte_code="valid"),
            environment={"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000"},
        ),
        Subject(
            name=DATADOG,
            handler="datadog_lambda.handler.handler",
            layer=peer_layer("datadog-lambda", python, byte_code="valid"),
            environment={
                "DD_LAMBDA_HANDLER": "datadog_lambda_peer.handler",
                "DD_FLUSH_TO_LOG": "true",
                "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
                "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            },
        ),
    ]
