"""Every message about bad input names the construct, the value, and what to do.

One table of all of them: a row does something wrong and says what has to be in the message.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from aws_cdk import (
    App,
    Duration,
    Stack,
    Stage,
    assertions,
    pipelines,
)
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import RootConstruct

from lambda_otel_lite_cdk import (
    CloudWatch,
    Forwarding,
    GrafanaCloud,
    Honeycomb,
    InstrumentedFunction,
    Kinesis,
    NewRelic,
    OtlpCollector,
    OtlpForwarder,
    Telemetry,
    TelemetryInjector,
    TelemetryMixin,
    TelemetrySettings,
    instrument,
)
from lambda_otel_lite_cdk.checks.rules import Check
from lambda_otel_lite_cdk.errors import TelemetryError
from lambda_otel_lite_cdk.layer import build as bundling

from .conftest import ARN, INLINE, PYTHON, SNAPPED, add_filters, later

if TYPE_CHECKING:
    from collections.abc import Callable

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs"
OURS = '"LAMBDA_OTEL_EXPORTER":"native","LAMBDA_OTEL_HANDLER":"index.handler"'


class Bad(NamedTuple):
    """Something wrong: what is done, and what the message about it has in this order."""

    name: str
    do: Callable[[Stack], object]
    path: str
    value: str
    fix: str


def orders(stack: Stack, **props: Any) -> lambda_.Function:
    return lambda_.Function(stack, "Orders", **{**INLINE, **props})


def root_of(stack: Stack) -> App:
    root = stack.node.root
    assert isinstance(root, App)
    return root


def instrumented(
    settings: TelemetrySettings | None = None, **props: Any
) -> Callable[[Stack], object]:
    return lambda stack: instrument(orders(stack, **props), settings)


def six_layers(stack: Stack) -> None:
    theirs = [
        lambda_.LayerVersion.from_layer_version_arn(stack, f"L{number}", f"{LAYER}{number}:1")
        for number in range(5)
    ]
    instrument(orders(stack, layers=theirs))


def too_large(stack: Stack) -> None:
    """Give a function 250 MB of zeros, which are small as long as they are packed."""
    archive = Path(root_of(stack).outdir, "zeros.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for number in range(250):
            packed.writestr(f"{number}.bin", bytes(1 << 20))
    instrument(orders(stack, code=lambda_.Code.from_asset(str(archive))))


def holding(versions: dict[str, dict[str, str]]) -> Callable[[Stack], None]:
    """Instrument a function whose code, and a layer of its own, hold these versions.

    Args:
        versions: By the folder of an asset, which is empty for the function's code: each version by
            the folder of its module.
    """

    def do(stack: Stack) -> None:
        props: dict[str, Any] = {}
        for folder, found in versions.items():
            asset = Path(root_of(stack).outdir, "layer" if folder else "code")
            for part, version in found.items():
                module = asset / f"{folder}opentelemetry/{part}version/__init__.py"
                module.parent.mkdir(parents=True, exist_ok=True)
                module.write_text(f'__version__ = "{version}"\n')
            code = lambda_.Code.from_asset(str(asset))
            if folder:
                props["layers"] = [lambda_.LayerVersion(stack, "Own", code=code)]
            else:
                props["code"] = code
        instrument(orders(stack, **props))

    return do


def changed_later(change: Callable[[lambda_.CfnFunction], object]) -> Callable[[Stack], None]:
    """Change a function after it has been instrumented."""

    def do(stack: Stack) -> None:
        app = root_of(stack)
        resource = orders(stack).node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        later(app, lambda: change(resource))
        Telemetry.of(app).instrument(TelemetrySettings(exporter="package"))

    return do


def on_managed_instances(
    settings: TelemetrySettings | None = None, **props: Any
) -> Callable[[Stack], None]:
    def do(stack: Stack) -> None:
        function = instrument(orders(stack, **props), settings)
        resource = function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn"}}
        resource.add_property_override("CapacityProviderConfig", config)

    return do


def of_newer_python(stack: Stack) -> None:
    function = orders(stack)
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    # On the resource: the CDK keeps a `Runtime` that is made by its name for the whole process.
    resource.runtime = "python3.15"
    instrument(function, TelemetrySettings(newer_python=True))


def over_the_quota(stack: Stack) -> None:
    group = logs.LogGroup(stack, "Logs")
    add_filters(group, 2)
    instrument(orders(stack, log_group=group), forwarding=Forwarding.to_arn(ARN))


def of_class(log_group_class: logs.LogGroupClass) -> Callable[[Stack], None]:
    def do(stack: Stack) -> None:
        group = logs.LogGroup(stack, "Logs", log_group_class=log_group_class)
        instrument(orders(stack, log_group=group), forwarding=Forwarding.to_arn(ARN))

    return do


def pipeline_of(stack: Stack, stage: Stage) -> pipelines.CodePipeline:
    arn = "arn:aws:codestar-connections:eu-west-1:123456789012:connection/x"
    source = pipelines.CodePipelineSource.connection("o/r", "main", connection_arn=arn)
    synth = pipelines.ShellStep("Synth", commands=["cdk synth"], input=source)
    pipeline = pipelines.CodePipeline(stack, "Pipeline", synth=synth)
    pipeline.add_stage(stage)
    return pipeline


def late_stage(stack: Stack) -> None:
    """Import pipelines after the line, where nobody expects them."""
    app = root_of(stack)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "aws_cdk.pipelines")
        Telemetry.of(app).instrument()
    stage = Stage(app, "Prod")
    orders(Stack(stage, "Inner"))
    pipeline_of(stack, stage)


def built_pipeline(stack: Stack) -> None:
    stage = Stage(stack, "Prod")
    orders(Stack(stage, "Inner"))
    pipeline_of(stack, stage).build_pipeline()
    Telemetry.of(root_of(stack)).instrument()


def another_child(stack: Stack) -> None:
    function = orders(stack)
    function.node.default_child = logs.CfnLogGroup(function, "Other")
    instrument(function)


def forwarded_twice(stack: Stack) -> None:
    group = logs.LogGroup(stack, "Logs")
    Forwarding.to_arn(ARN).subscribe(group)
    Forwarding.to_arn(f"{ARN}2").subscribe(group)


def fed_by_itself(stack: Stack) -> None:
    forwarder = OtlpForwarder(stack, "Forwarder", endpoint="https://collector")
    Forwarding.to_function(forwarder).subscribe(forwarder.log_group)


def two_policies(stack: Stack) -> None:
    Forwarding.to_arn(ARN).account_level(stack)
    Forwarding.to_arn(f"{ARN}2").account_level(stack)


def forwarder(**props: Any) -> Callable[[Stack], object]:
    return lambda stack: OtlpForwarder(
        stack, "Forwarder", **{"endpoint": "https://collector", **props}
    )


def fed_by(**values: Any) -> Callable[[Stack], object]:
    return forwarder(via=Kinesis(**values))


def secret_for_cloudwatch(stack: Stack) -> None:
    secret = secretsmanager.Secret(stack, "Headers")
    forwarder(endpoint=None, destination=CloudWatch(headers_secret=secret))(stack)


def secret_over_http(stack: Stack) -> None:
    secret = secretsmanager.Secret(stack, "Headers")
    forwarder(endpoint="http://collector", headers_secret=secret)(stack)


def shards_of_theirs(stack: Stack) -> None:
    fed_by(stream=kinesis.Stream(stack, "Mine"), shards=2)(stack)


def context(key: str, value: object) -> Callable[[Stack], object]:
    return lambda _: Telemetry.of(App(context={key: value}))


def imported(stack: Stack) -> None:
    instrument(lambda_.Function.from_function_arn(stack, "Theirs", ARN))  # type: ignore[type-var]


def at_the_edge(stack: Stack) -> None:
    edge: Any = cloudfront.experimental.EdgeFunction(stack, "Edge", **INLINE)
    instrument(edge)


def image(stack: Stack) -> None:
    repository = ecr.Repository.from_repository_name(stack, "Images", "images")
    code = lambda_.DockerImageCode.from_ecr(repository)
    instrument(lambda_.DockerImageFunction(stack, "Orders", code=code))


BAD_QUEUE = TelemetrySettings(queue_size=0)
PACKAGE = {"LAMBDA_OTEL_EXPORTER": "package"}
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument"}
LARGE = {"LONG": "ü" * 2048}
# As the service measures: the JSON object with our two variables in it, in UTF-8.
LARGE_SIZE = len('{"LONG":"",' + OURS + "}") + 2 * 2048

CHECKS = [
    Bad(
        "sixth-layer",
        six_layers,
        "Shop/Orders",
        "it has 6 layers with the telemetry layer; Lambda takes at most 5",
        "Merge two of its layers",
    ),
    Bad(
        "environment-size",
        instrumented(environment=LARGE),
        "Shop/Orders",
        f"its environment variables take {LARGE_SIZE} bytes; Lambda takes at most 4096",
        "Move long values into a parameter store",
    ),
    Bad(
        "unzipped-size",
        too_large,
        "Shop/Orders",
        # The zeros, and the telemetry layer, which is part of it.
        r"its code and layers take at least 26[3-9]\d{6} bytes unzipped; Lambda takes at most "
        r"262144000 \(250 MB\)",
        "Remove what it does not need",
    ),
    Bad(
        "exporter-layer",
        instrumented(environment=PACKAGE),
        "Shop/Orders",
        "LAMBDA_OTEL_EXPORTER is 'package', but its telemetry layer does not hold that package "
        "for x86_64",
        r"Set TelemetrySettings\(exporter='package'\)",
    ),
    Bad(
        "exporter-layer",
        changed_later(lambda one: setattr(one, "architectures", ["arm64"])),
        "Shop/Orders",
        "LAMBDA_OTEL_EXPORTER is 'package', but its telemetry layer does not hold that package "
        "for arm64",
        r"Set TelemetrySettings\(exporter='package'\)",
    ),
    Bad(
        "layer-python",
        changed_later(lambda one: setattr(one, "runtime", "python3.9")),
        "Shop/Orders",
        rf"its runtime is 'python3\.9', but its telemetry layer is for Python {PYTHON}",
        "Set the runtime where the function is made",
    ),
    Bad(
        "undone",
        changed_later(lambda one: one.add_property_deletion_override("Layers")),
        "Shop/Orders",
        r"it could not start, .*: in the template its Layers is None, written by an override",
        "Add to what is there instead of replacing it",
    ),
    Bad(
        "exporter-architecture",
        instrumented(
            TelemetrySettings(exporter="package", layer_arn=f"{LAYER}:1"),
            architecture=lambda_.Architecture.ARM_64,
        ),
        "Shop/Orders",
        "it is arm64, and its exporter, 'package', needs a layer of one architecture",
        "lambda-otel layer --exporter package --architecture arm64",
    ),
    Bad(
        "snapstart-without-version",
        instrumented(runtime=SNAPPED, snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS),
        "Shop/Orders",
        "it asks for SnapStart, which works for published versions only, and the app publishes "
        "none",
        r"Use function\.current_version",
    ),
    Bad(
        "durable-without-version",
        instrumented(
            durable_config=lambda_.DurableConfig(execution_timeout=Duration.hours(1)),
        ),
        "Shop/Orders",
        r"it is a durable function, .* the app publishes no version",
        r"Use function\.current_version",
    ),
    Bad(
        "mode-without-extension",
        on_managed_instances(TelemetrySettings(mode="async")),
        "Shop/Orders",
        "its mode is 'sync' and not 'async', which needs an extension",
        r"Give it TelemetrySettings\(mode='sync'\)",
    ),
    Bad(
        "mode-without-extension",
        on_managed_instances(environment={"LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "finalize"}),
        "Shop/Orders",
        "its LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE is 'finalize', which needs an extension",
        "Remove the variable",
    ),
    Bad(
        "newer-python",
        of_newer_python,
        r"Shop/LambdaOtelLiteLayerPython315",
        r"Python 3\.15 is newer than all that this version",
        "Try its functions out",
    ),
    Bad(
        "exec-wrapper",
        instrumented(environment=WRAPPER),
        "Shop/Orders",
        "AWS_LAMBDA_EXEC_WRAPPER is '/opt/otel-instrument' and is kept",
        "Remove that tool's wrapper",
    ),
    Bad(
        "mixed-opentelemetry",
        holding({"": {"": "1.40.0"}, "python/": {"sdk/": "1.38.0", "semconv/": "0.59b0"}}),
        "Shop/Orders",
        r"its code and layers hold opentelemetry-api 1\.40\.0, opentelemetry-sdk 1\.38\.0, .*"
        r"do not belong together: the telemetry layer's are used instead",
        r"Install opentelemetry-sdk==1\.40\.0",
    ),
    Bad(
        "mixed-opentelemetry",
        holding({"": {"": "1.20.0", "sdk/": "1.20.0", "semconv/": "0.41b0"}}),
        "Shop/Orders",
        r"opentelemetry-sdk 1\.20\.0.*at least 1\.22 is needed: it would run without tracing",
        r"Install opentelemetry-sdk>=1\.33",
    ),
    Bad(
        "mixed-opentelemetry",
        holding(
            {
                "": {"": "1.33.0"},
                f"python/lib/python{PYTHON}/site-packages/": {
                    "": "1.40.0",
                    "sdk/": "1.40.0",
                    "semconv/": "0.61b0",
                },
            }
        ),
        "Shop/Orders",
        r"opentelemetry-api 1\.33\.0, opentelemetry-sdk 1\.40\.0.*those that lie together are used",
        r"Install opentelemetry-sdk==1\.40\.0",
    ),
    Bad(
        "subscription-quota",
        over_the_quota,
        r"Shop/TelemetryFilterShopLogs\w+",
        "the log group Shop/Logs has 3 subscription filters with it; CloudWatch Logs takes 2",
        r"Remove one, .* telemetry\.subscription_filter_quota",
    ),
    *(
        Bad(
            "log-group-class",
            of_class(one),
            r"Shop/TelemetryFilterShopLogs\w+",
            f"the log group Shop/Logs is of the class {one.value}",
            "Make it a log group of the class STANDARD",
        )
        for one in (logs.LogGroupClass.INFREQUENT_ACCESS, logs.LogGroupClass.DELIVERY)
    ),
    Bad(
        "stage-not-reached",
        late_stage,
        "Prod",
        r"the stage was made after Telemetry\.of\(…\)\.instrument\(…\)",
        r"Call that after the stage is made, or Telemetry\.of\(stage\)",
    ),
]

REFUSALS = [
    Bad(
        "a pipeline that is built already",
        built_pipeline,
        "Shop/Prod",
        r"build_pipeline\(\) of its pipeline was called before Telemetry\.of\(…\)\.instrument",
        r"Call build_pipeline\(\) after that",
    ),
    Bad(
        "a setting of a function",
        instrumented(BAD_QUEUE),
        "Shop/Orders",
        r"TelemetrySettings\.queue_size is 0; it must be a whole number from 1 to 1000000",
        "leave it out for the default, 2048",
    ),
    Bad(
        "a setting of a construct",
        lambda stack: InstrumentedFunction(stack, "Orders", **INLINE, telemetry=BAD_QUEUE),
        "Shop/Orders",
        r"queue_size is 0; it must be",
        "leave it out",
    ),
    Bad(
        "a setting of a scope",
        lambda stack: Telemetry.of(stack).instrument(BAD_QUEUE),
        "Shop",
        r"queue_size is 0; it must be",
        "leave it out",
    ),
    Bad(
        "a setting of an injector",
        lambda _: TelemetryInjector(BAD_QUEUE),
        "TelemetryInjector",
        r"queue_size is 0; it must be",
        "leave it out",
    ),
    Bad(
        "a setting of a mixin",
        lambda _: TelemetryMixin(BAD_QUEUE),
        "TelemetryMixin",
        r"queue_size is 0; it must be",
        "leave it out",
    ),
    Bad(
        "a setting in context",
        context("telemetry.queue_size", "many"),
        "CDK context",
        r"queue_size is 'many'; it must be",
        "leave it out",
    ),
    Bad(
        "a key in context",
        context("telemetry.moed", "async"),
        "CDK context",
        r"the key 'telemetry\.moed' is not a telemetry setting; it must be .* mode, queue_size",
        r"Correct it in cdk\.json",
    ),
    Bad(
        "a quota in context",
        context("telemetry.subscription_filter_quota", "many"),
        "CDK context",
        r"telemetry\.subscription_filter_quota is 'many'; it must be a whole number from 1 to 100",
        "leave it out for the default, 2",
    ),
    Bad(
        "a batch larger than the queue",
        instrumented(TelemetrySettings(queue_size=10, batch_size=20)),
        "Shop/Orders",
        r"TelemetrySettings\.batch_size is 20, but the queue holds 10 spans",
        "Lower batch_size or raise queue_size",
    ),
    Bad(
        "a ratio without its sampler",
        instrumented(TelemetrySettings(sampler_ratio=0.5)),
        "Shop/Orders",
        r"TelemetrySettings\.sampler_ratio is 0\.5, which the sampler None does not read",
        "Set sampler to 'parentbased_traceidratio'",
    ),
    Bad(
        "a rollout",
        lambda stack: Telemetry.of(stack).instrument(rollout=101),
        "Shop",
        "rollout is 101; it must be a percentage from 0 to 100",
        "leave it out for the default, 100",
    ),
    Bad(
        "a rollout of an app",
        lambda stack: Telemetry.of(root_of(stack)).instrument(rollout=-1),
        "the app",
        "rollout is -1; it must be a percentage from 0 to 100",
        "leave it out for the default, 100",
    ),
    Bad(
        "a construct outside of an app",
        lambda _: Telemetry.of(RootConstruct("Alone")),
        "Alone",
        "it is not in an app",
        "Make it in an App, a Stage or a Stack",
    ),
    Bad(
        "an imported function",
        imported,
        "Shop/Theirs",
        "it is an imported function, which cannot be instrumented",
        "Instrument the Function where it is defined",
    ),
    Bad(
        "an alias",
        lambda stack: instrument(orders(stack).add_alias("live")),  # type: ignore[type-var]
        "Shop/Orders/Aliaslive",
        "it is an alias, which cannot be instrumented",
        "Instrument the Function where it is defined",
    ),
    Bad(
        "a version",
        lambda stack: instrument(orders(stack).current_version),  # type: ignore[type-var]
        "Shop/Orders/CurrentVersion",
        "it is a version, which cannot be instrumented",
        "Instrument the Function where it is defined",
    ),
    Bad(
        "a function at the edge",
        at_the_edge,
        "Shop/Edge",
        "it is an EdgeFunction, and Lambda@Edge takes neither layers nor environment variables",
        "Do not instrument it, or make it a Function of a region",
    ),
    Bad(
        "a function without its resource",
        another_child,
        "Shop/Orders",
        "its default child is CfnLogGroup; it must be the CfnFunction",
        r"Leave `node\.default_child` as the Function made it",
    ),
    Bad(
        "an image",
        image,
        "Shop/Orders",
        "a container image takes no layer",
        "Copy what `lambda-otel layer` builds to /opt .*'lambda_otel_lite_entry.handler'",
    ),
    Bad(
        "another language",
        instrumented(runtime=lambda_.Runtime.NODEJS_22_X),
        "Shop/Orders",
        r"its runtime is 'nodejs22\.x'; accepted are python3\.12, python3\.13, python3\.14",
        "Move the function to one of them",
    ),
    Bad(
        "an older Python",
        instrumented(runtime=lambda_.Runtime.PYTHON_3_9),
        "Shop/Orders",
        r"its runtime is 'python3\.9'; accepted are python3\.12, python3\.13, python3\.14",
        "Move the function to one of them",
    ),
    Bad(
        "a handler redirected to nowhere",
        instrumented(handler="lambda_otel_lite_entry.handler"),
        "Shop/Orders",
        r"its handler is 'lambda_otel_lite_entry\.handler' and LAMBDA_OTEL_HANDLER is not set",
        "Pass the function's own handler as `handler`",
    ),
    Bad(
        "two destinations",
        forwarded_twice,
        "Shop/Logs",
        f"its telemetry is already forwarded to {ARN}; a log group has one destination",
        "Remove one of the two Forwarding objects",
    ),
    Bad(
        "a forwarder that is fed by itself",
        fed_by_itself,
        "Shop/Forwarder@/Logs",
        "it is the log group of the forwarder Shop/Forwarder",
        "Do not forward the forwarder's log group",
    ),
    Bad(
        "two account-level policies",
        two_policies,
        "Shop",
        f"its account-level policy is .*{ARN}.*, and now .*{ARN}2.* is wanted",
        "Call account_level once",
    ),
    Bad(
        "an endpoint of another scheme",
        forwarder(endpoint="ftp://collector"),
        "Shop/Forwarder",
        r"OtlpForwarder\.endpoint is 'ftp://collector', which does not begin with http:// or https://",
        "give http:// or https://",
    ),
    Bad(
        "an endpoint with credentials",
        forwarder(endpoint="https://me:secret@collector"),
        "Shop/Forwarder",
        r"OtlpForwarder\.endpoint is .*, which has a user or password",
        "give .* without user, password",
    ),
    Bad(
        "an endpoint that is no address",
        forwarder(endpoint="http://[::1"),
        "Shop/Forwarder",
        r"OtlpForwarder\.endpoint is 'http://\[::1', which has a bad host or port",
        "give http:// or https://",
    ),
    Bad(
        "headers over http",
        secret_over_http,
        "Shop/Forwarder",
        r"OtlpForwarder\.endpoint is http, which would send headers_secret unencrypted; "
        "it must be https",
        "Use https, or leave headers_secret out",
    ),
    Bad(
        "a header that describes the request",
        forwarder(allowed_headers=["x-team", "Host"]),
        "Shop/Forwarder",
        r"OtlpForwarder\.allowed_headers has 'Host'",
        "give names of headers that do not describe the request",
    ),
    Bad(
        "a choice of endpoints without a scheme",
        forwarder(allowed_endpoints=["https://ok/v1/traces", "collector:4318"]),
        "Shop/Forwarder",
        r"OtlpForwarder\.allowed_endpoints is 'collector:4318', which does not begin with http",
        "give http:// or https://",
    ),
    Bad(
        "two destinations in one",
        forwarder(destination=CloudWatch()),
        "Shop/Forwarder",
        "OtlpForwarder needs either destination or endpoint",
        r"Give destination=CloudWatch\(\)",
    ),
    Bad(
        "a backend without its secret",
        forwarder(endpoint=None, destination=Honeycomb()),
        "Shop/Forwarder",
        r"Honeycomb\.headers_secret is missing",
        "give a Secret or parameter whose text is x-honeycomb-team=",
    ),
    Bad(
        "a backend without its site",
        forwarder(endpoint=None, destination=GrafanaCloud()),
        "Shop/Forwarder",
        r"GrafanaCloud\.site is missing",
        "give the one that https://grafana.com/",
    ),
    Bad(
        "a site that is not the backend's",
        forwarder(endpoint=None, destination=NewRelic(site="eu")),
        "Shop/Forwarder",
        r"NewRelic\.site is 'eu'; it must be one of otlp.nr-data.net, otlp.eu01.nr-data.net",
        "Correct it, or give the address to OtlpCollector",
    ),
    Bad(
        "a secret for CloudWatch",
        secret_for_cloudwatch,
        "Shop/Forwarder",
        r"CloudWatch\.headers_secret is set",
        "Leave it out",
    ),
    Bad(
        "another compression",
        forwarder(
            endpoint=None, destination=OtlpCollector(endpoint="https://c", compression="zstd")
        ),
        "Shop/Forwarder",
        r"OtlpCollector\.compression is 'zstd'",
        "give gzip or none",
    ),
    Bad(
        "a timeout of no time",
        forwarder(endpoint=None, destination=OtlpCollector(endpoint="https://c", timeout=0)),
        "Shop/Forwarder",
        r"OtlpCollector\.timeout is '0'",
        "give a whole number of milliseconds from 1 to 300000",
    ),
    Bad(
        "a certificate in place of where it is kept",
        forwarder(
            endpoint=None,
            destination=OtlpCollector(
                endpoint="https://c", certificate="-----BEGIN CERTIFICATE-----"
            ),
        ),
        "Shop/Forwarder",
        r"OtlpCollector\.certificate is neither a path nor the ARN",
        "give where the PEM text is kept",
    ),
    Bad(
        "no concurrency",
        forwarder(concurrency=0),
        "Shop/Forwarder",
        r"OtlpForwarder\.concurrency is 0; it must be a whole number of at least 2",
        "Correct it, or leave it out",
    ),
    *(
        Bad(
            f"{given!r} pairs with metrics",
            forwarder(span_metrics=given),
            "Shop/Forwarder",
            rf"OtlpForwarder\.span_metrics is '{given}'",
            "give a whole number of pairs from 0 to 1000, or leave it out for 0",
        )
        for given in (1001, -1, 2.5, True)
    ),
    *(
        Bad(
            f"a stream's {name}",
            fed_by(**{name: value}),
            "Shop/Forwarder",
            rf"Kinesis\.{name} is {value}; it must be a whole number from {low} to {high}",
            "Correct it, or leave it out for the default",
        )
        for name, value, low, high in (
            ("shards", 0, 1, 100_000),
            ("retention_hours", 1, 24, 8760),
            ("parallel", 11, 1, 10),
            ("batch_size", 0, 1, 10_000),
            ("window_seconds", 301, 0, 300),
        )
    ),
    Bad(
        "shards of a stream that exists",
        shards_of_theirs,
        "Shop/Forwarder",
        r"Kinesis\.shards is 2, but Kinesis\.stream exists already",
        "Leave one of them out",
    ),
]


def said_about(stack: Stack, do: Callable[[Stack], object]) -> list[str]:
    """Do something wrong, synthesize, and return the lines of errors and warnings."""
    every = assertions.Match.any_value()
    try:
        do(stack)
        warnings = assertions.Annotations.from_stack(stack).find_warning("*", every)
    except (TelemetryError, RuntimeError) as error:
        return str(error).splitlines()
    return [str(one.entry.data) for one in warnings]


def in_order(bad: Bad) -> str:
    """Return what a message must match: construct, value and fix in one line."""
    return rf"(^|\s){bad.path}: .*{bad.value}.*{bad.fix}"


@pytest.mark.parametrize("bad", CHECKS, ids=lambda bad: bad.name)
def test_a_check_names_construct_value_fix_and_its_id(stack: Stack, bad: Bad) -> None:
    said = said_about(stack, bad.do)
    identified = rf"{in_order(bad)}.* \[(ack: )?lambda-otel-lite:{bad.name}\]"
    assert [line for line in said if re.search(identified, line)], said


def test_the_table_has_every_check() -> None:
    # The one that is missing depends on the machine; its test is below.
    assert {f"lambda-otel-lite:{bad.name}" for bad in CHECKS} == {
        check.id for check in Check if check is not Check.LAYER_NOT_COMPILED
    }


@pytest.mark.parametrize("bad", REFUSALS, ids=lambda bad: bad.name)
def test_a_refusal_names_construct_value_and_fix(stack: Stack, bad: Bad) -> None:
    said = said_about(stack, bad.do)
    assert [line for line in said if re.search(in_order(bad), line)], said
    assert "secret@" not in "".join(said)


def test_a_layer_that_cannot_be_compiled_here_is_named(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "find_interpreter", lambda _: None)
    (warning,) = said_about(stack, instrumented())
    assert re.search(
        rf"Shop/LambdaOtelLiteLayerPython\d+: .*holds no byte code, because this machine has no "
        rf"Python {PYTHON}: .*Install it \(`uv python install {PYTHON}`\)"
        rf".* \[ack: lambda-otel-lite:layer-not-compiled\]",
        warning,
    )


@pytest.mark.parametrize(
    ("package", "do", "path"),
    [
        ("lambda_otel_lite", instrumented(), "Shop/Orders"),
        ("otlp_forwarder", forwarder(), "Shop/Forwarder"),
    ],
)
def test_code_that_cannot_be_staged_is_named_with_who_needs_it(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    do: Callable[[Stack], object],
    path: str,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = said_about(stack, do)
    expected = rf"{path}: The package '{package}' is not installed beside .*`pip install"
    assert [line for line in said if re.search(expected, line)], said
