"""Read from an app's templates what `Load` has of functions and forwarding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lambda_otel_lite.configuration.variables import ENTRY_POINT, KEEP
from lambda_otel_lite_cdk.cli.assembly.expressions import UnresolvedError, resolve
from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction, read_functions
from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.cost.load import Forwarders, Group, Kind
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN
from lambda_otel_lite_cdk.settings.keep import Keep


def read_app(directory: Path) -> tuple[tuple[Group, ...], Forwarders]:
    """Return the instrumented functions of an app, and how their spans are forwarded.

    Args:
        directory: The cloud assembly, the folder that ``cdk synth`` wrote.

    Raises:
        UsageProblem: The folder is no cloud assembly, or none of its functions is instrumented.
    """
    templates = read_templates(directory, apart=True)
    functions = read_functions(templates)
    groups = Counter(_group(each, directory) for each in functions if each.handler == ENTRY_POINT)
    if not groups:
        raise UsageProblem(
            f"{directory}: none of its {len(functions)} functions is instrumented; instrument some "
            f"(`lambda-otel fleet {directory}` says which and why not), or leave the folder out"
        )
    found = (replace(group, functions=count) for group, count in groups.items())
    return tuple(sorted(found, key=repr)), _forwarding(templates)


def _group(function: TemplateFunction, directory: Path) -> Group:
    return Group(
        memory_mb=function.memory_mb,
        architecture=function.architecture,
        keep=_keep(function, directory),
    )


def _keep(function: TemplateFunction, directory: Path) -> Keep | None:
    value = function.environment.get(KEEP)
    if not value:
        return None
    try:
        return Keep.read(resolve(value, {}))
    except (UnresolvedError, ValueError) as error:
        raise UsageProblem(
            f"{function.path}: {KEEP} is {value!r}, which is not known before deployment; leave "
            f"{directory} out and give --functions, --memory and --keep"
        ) from error


def _forwarding(templates: list[Template]) -> Forwarders:
    resources = list(_resources(templates))
    forwarders = [
        (name, properties)
        for name, kind, properties in resources
        if kind == "AWS::Lambda::Function" and properties.get("Handler") == facts.HANDLER
    ]
    kinds = {
        "AWS::Logs::SubscriptionFilter": Kind.DIRECT,
        "AWS::Logs::AccountPolicy": Kind.ACCOUNT,
    }
    ways = {
        kinds[kind]
        for _, kind, properties in resources
        # An account policy's document is text, or an expression with text in it.
        if kind in kinds and RECORD_PATTERN.strip("{ }") in repr(properties)
    }
    if not forwarders:
        return Forwarders(kinds=tuple(sorted(ways)))
    name, properties = forwarders[0]
    streams = [
        found
        for _, kind, found in resources
        if kind == "AWS::Lambda::EventSourceMapping"
        and found.get("FunctionName") == {"Ref": name}
        and "StartingPosition" in found
    ]
    defaults = Forwarders()
    concurrency = properties.get("ReservedConcurrentExecutions")
    deployed = replace(
        defaults,
        kinds=tuple(sorted(ways)),
        concurrency=concurrency if isinstance(concurrency, int | None) else defaults.concurrency,
        memory_mb=_whole(properties, "MemorySize", defaults.memory_mb),
    )
    if not streams:
        return deployed
    stream = streams[0]
    return replace(
        deployed,
        kinds=(Kind.KINESIS,),
        shards=_shards(stream.get("EventSourceArn"), resources),
        parallel=_whole(stream, "ParallelizationFactor", defaults.parallel),
        batch_size=_whole(stream, "BatchSize", defaults.batch_size),
        window_seconds=_whole(stream, "MaximumBatchingWindowInSeconds", 0),
    )


def _whole(properties: Mapping[str, Any], name: str, default: int) -> int:
    """Return a number, or the default where it is known at deployment alone."""
    value = properties.get(name)
    return value if isinstance(value, int) else default


def _shards(arn: Any, resources: list[tuple[str, str, Any]]) -> int | None:
    for name, kind, properties in resources:
        if kind == "AWS::Kinesis::Stream" and arn == {"Fn::GetAtt": [name, "Arn"]}:
            count = properties.get("ShardCount")
            return count if isinstance(count, int) else None
    return None


def _resources(templates: list[Template]) -> Iterator[tuple[str, str, Any]]:
    for template in templates:
        for name, resource in template.resources.items():
            yield name, str(resource.get("Type")), resource.get("Properties", {})
