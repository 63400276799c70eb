"""``lambda-otel demo``: synthesize the demo app, run it for real, show its trace."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from lambda_otel_lite_cdk import distribution
from lambda_otel_lite_cdk.cli.assembly.expressions import UnresolvedError, resolve
from lambda_otel_lite_cdk.cli.assembly.functions import (
    TemplateFunction,
    find_function,
    read_functions,
)
from lambda_otel_lite_cdk.cli.assembly.synth import synthesize
from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.console import Terminal
from lambda_otel_lite_cdk.cli.emulator import caller
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator, InvocationResult
from lambda_otel_lite_cdk.cli.emulator.environment import PSEUDO_PARAMETERS
from lambda_otel_lite_cdk.cli.emulator.log_events import subscription_event
from lambda_otel_lite_cdk.cli.emulator.sqs import connect, create_queues, lambda_event, moto_server
from lambda_otel_lite_cdk.cli.emulator.toolchain import require_linux
from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.cli.receiver import Receiver
from lambda_otel_lite_cdk.cli.traces.records import spans_of
from lambda_otel_lite_cdk.cli.traces.sinks import SINKS
from lambda_otel_lite_cdk.cli.traces.spans import Span, tree
from otlp_forwarder import variables

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_EVENT = Path("demo", "events", "post_order.json")
_APP = "lambda_otel_lite_cdk.demo.app"
#: The extra with what the demo takes, and its packages that not every installation has.
_EXTRA = "demo"
_PACKAGES = ("aws_cdk", "boto3", "moto")
_RECEIVE_SECONDS = 5
_FORWARDER = "Forwarder"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the spans as JSON, one in a line.")
@click.option(
    "--endpoint",
    metavar="URL",
    help="Send the trace to this OTLP/HTTP collector too, such as http://127.0.0.1:6006.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default="lambda-otel-demo",
    show_default=True,
    help="Folder for the cloud assembly and the report.",
)
def demo(*, as_json: bool, endpoint: str | None, output: Path) -> None:
    """Run the demo app for real and show its trace.

    The app, an HTTP API with a queue, is synthesized first; what runs is what would be deployed.
    """
    require_linux()
    _check_endpoint(endpoint)
    for package in _PACKAGES:
        if find_spec(package) is None:
            missing = distribution.needs("the demo", _EXTRA)
            raise UsageProblem(f"{missing} (No module named {package!r})")
    event = json.loads((files("lambda_otel_lite_cdk") / str(_EVENT)).read_text("utf-8"))
    assembly, report = output / "cdk.out", output / "report.html"
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageProblem(f"--output {output} cannot be written: {error.strerror}") from error
    progress = Terminal(stderr=True)
    # The server comes up while the app is synthesized.
    with progress.status("synthesizing the app") as status, moto_server() as services:
        synthesize(_APP, assembly)
        templates = read_templates(assembly)
        status.update("starting the queue")
        sqs = connect(services, PSEUDO_PARAMETERS["AWS::Region"])
        parameters = {k: v for part in templates for k, v in create_queues(sqs, part).items()}
        stack = _Deployment(templates, read_functions(templates), parameters, services, sqs)
        status.update("running orders")
        caller_lines, orders_lines = _order(stack, event)
        status.update("running worker")
        worker_lines = _work(stack)
        status.update("running the forwarder")
        printed = {caller.SERVICE: caller_lines, "orders": orders_lines, "worker": worker_lines}
        with Receiver() as receiver:
            counts = _forward(stack, printed, receiver.endpoint)
            received = receiver.received()
        if endpoint:
            status.update(f"sending the trace to {endpoint}")
            sent = _forward(stack, printed, endpoint)
            if sent["spans"] != counts["spans"]:
                raise CheckFailed(
                    f"{endpoint} took {sent['spans']} of {counts['spans']} spans; it must be the "
                    f"address of an OTLP/HTTP collector"
                )
    # From here on only what the collector received counts.
    with report.open("w", encoding="utf-8") as file:
        _write(received, "html", file)
    _write(received, "json" if as_json else "waterfall", sys.stdout)
    if not as_json:
        click.echo(f"Report for a browser: {report}")
    progress.print(
        f"Drawn from what the collector received: {len(received)} requests of "
        f"{_FORWARDER}, which was given {counts['records']} log records in {len(printed)} events.",
        style="dim",
        highlight=False,
    )
    spans = [span for request in received for span in spans_of(request)]
    if len(spans) != counts["spans"]:
        raise CheckFailed(f"{counts['spans']} spans were sent, {len(spans)} received")
    _check_trace({name: [span for span in spans if span.service == name] for name in printed})


@dataclass(frozen=True, slots=True)
class _Deployment:
    """Hold what takes the place of the deployed stack: its template, queues and their endpoint."""

    templates: list[Template]
    functions: list[TemplateFunction]
    parameters: dict[str, str]
    endpoint: str
    sqs: Any

    def run(self, function: TemplateFunction, **variables: str) -> Emulator:
        return Emulator(
            function,
            parameters=self.parameters,
            variables={"AWS_ENDPOINT_URL": self.endpoint, **variables},
        )


def _write(received: list[ExportTraceServiceRequest], form: str, file: IO[str]) -> None:
    sink = SINKS[form](file, details=False)
    for request in received:
        sink.take(request)
    if sink.spans:
        sink.end()


def _check_endpoint(endpoint: str | None) -> None:
    try:
        variables.ENDPOINT.parse(endpoint or "")
    except ValueError as error:
        raise UsageProblem(f"--endpoint {getattr(error, 'problem', error)}") from None


def _forward(stack: _Deployment, printed: dict[str, list[str]], endpoint: str) -> Counter[str]:
    """Give the forwarder the log records of each log group; return what it says it did."""
    total: Counter[str] = Counter()
    function = find_function(stack.functions, _FORWARDER)
    with stack.run(function, **{variables.ENDPOINT.name: endpoint}) as forwarder:
        for name, lines in printed.items():
            event = subscription_event(f"/aws/lambda/{name}", lines)
            result = _checked(_FORWARDER, forwarder.invoke(event))
            total.update(result.payload)
    if total["malformed"] or not total["records"]:
        raise CheckFailed(f"the forwarder could not read the log records: {dict(total)}")
    return total


def _check_trace(spans: dict[str, list[Span]]) -> None:
    """Check that each part's spans continue the trace of the part before it.

    Args:
        spans: The spans of each part, in the order of the calls.
    """
    together = [span for group in spans.values() for span in group]
    before = ""
    for name, group in spans.items():
        if not group:
            raise CheckFailed(f"{name} sent no span")
        earlier = {span.span_id for span in spans.get(before, [])}
        if earlier and not any(earlier & set(_ancestors(span, together)) for span in group):
            raise CheckFailed(f"no span of {name} descends from a span of {before}")
        before = name


def _ancestors(span: Span, spans: list[Span]) -> Iterator[str]:
    trace = [other for other in spans if other.trace_id == span.trace_id]
    parents = {placed.span.span_id: placed.parent for placed in tree(trace)}
    above = parents[span.span_id]
    while above is not None:
        yield above.span_id
        above = parents[above.span_id]


def _order(stack: _Deployment, event: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Send the sample request to ``orders``; return the caller's and the function's lines."""
    printed: list[str] = []
    with stack.run(find_function(stack.functions, "Orders")) as orders:

        def send(traced: dict[str, Any]) -> dict[str, Any]:
            result = _checked("orders", orders.invoke(traced))
            printed.extend(result.log_lines)
            return dict(result.payload)

        _, caller_lines = caller.call(event, send)
    return caller_lines, printed


def _work(stack: _Deployment) -> list[str]:
    """Give ``worker`` the message that is really in its queue; return its lines."""
    worker = find_function(stack.functions, "Worker")
    arn = _queue_arn(stack, worker)
    url = next(
        stack.parameters[name.removesuffix(".Arn")]
        for name, value in stack.parameters.items()
        if name.endswith(".Arn") and value == arn
    )
    received = stack.sqs.receive_message(
        QueueUrl=url,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
        WaitTimeSeconds=_RECEIVE_SECONDS,
    )
    messages = received.get("Messages", [])
    if not messages:
        raise CheckFailed(f"orders put no message into the queue {arn}")
    with stack.run(worker) as emulator:
        result = _checked("worker", emulator.invoke(lambda_event(messages[0], arn)))
    if failures := (result.payload or {}).get("batchItemFailures"):
        raise CheckFailed(f"worker did not take the message: {json.dumps(failures)}")
    stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    return list(result.log_lines)


def _queue_arn(stack: _Deployment, worker: TemplateFunction) -> str:
    """Return the ARN of the queue that an event source mapping connects with the worker."""
    for template in stack.templates:
        for logical_id in template.of_type("AWS::Lambda::EventSourceMapping"):
            properties = template.resources[logical_id]["Properties"]
            if properties["FunctionName"] == {"Ref": worker.logical_id}:
                try:
                    return resolve(properties["EventSourceArn"], stack.parameters)
                except UnresolvedError as error:
                    raise UsageProblem(
                        f"the event source of {worker.path} is not a queue: {error}"
                    ) from error
    raise UsageProblem(f"no event source mapping leads to {worker.path}")


def _checked(name: str, result: InvocationResult) -> InvocationResult:
    if result.error:
        raise CheckFailed(f"{name} failed: {json.dumps(result.error)}")
    return result
