"""A function that is traced by the X-Ray SDK, as such functions are; its event says what to do."""

# The SDK has no types.
# mypy: disable-error-code="untyped-decorator, no-any-return, no-untyped-call"

import asyncio
import contextvars
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
from aws_xray_sdk.core import patch, patch_all, xray_recorder
from aws_xray_sdk.core.async_context import AsyncContext
from aws_xray_sdk.core.emitters.udp_emitter import UDPEmitter
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.sdk.trace import Span, SpanProcessor

patch_all()
patch(("httplib",))
tracer = trace.get_tracer("app")
dynamodb = boto3.client("dynamodb")

with xray_recorder.in_subsegment("while importing"):
    pass


@xray_recorder.capture("feed")
def feed(pet: str) -> str:
    """Be captured by a decorator."""
    xray_recorder.put_annotation("pet", pet)
    xray_recorder.put_annotation("hungry", value=True)
    xray_recorder.put_metadata("food", {"kind": "hay", "grams": 100})
    xray_recorder.put_metadata("history", "x" * 10_000, "long")
    return pet


def capture(event: dict[str, Any]) -> Any:
    """Use a decorator and a context manager."""
    with xray_recorder.in_subsegment("outer", namespace="remote") as outer:
        outer.put_http_meta("method", "GET")
        outer.put_http_meta("url", "https://user:pass@pets.example:8443/pets")
        outer.put_http_meta("status", 404)
        return feed(event["pet"])


def mixed(_: dict[str, Any]) -> Any:
    """Use both libraries within each other."""
    with tracer.start_as_current_span("a"):
        xray_recorder.begin_subsegment("b")
        with tracer.start_as_current_span("c"), xray_recorder.in_subsegment("d"):
            pass
        xray_recorder.end_subsegment()
        with xray_recorder.in_subsegment("e"):
            pass
    # Not in the order of a stack.
    xray_recorder.begin_subsegment("f")
    with tracer.start_as_current_span("g"):
        xray_recorder.end_subsegment()
        with tracer.start_as_current_span("h"):
            pass
    with xray_recorder.in_subsegment("i"):
        pass
    return None


@xray_recorder.capture("inner failure")
def fail() -> None:
    """Raise in a captured function."""
    raise ValueError("no hay")


def failing(_: dict[str, Any]) -> Any:
    """Have an exception go through two subsegments."""
    try:
        with xray_recorder.in_subsegment("outer failure"):
            fail()
    except ValueError as error:
        return str(error)


def uncaught(_: dict[str, Any]) -> Any:
    """Have it leave the handler."""
    with xray_recorder.in_subsegment("outer failure"):
        fail()


def tasks(_: dict[str, Any]) -> Any:
    """Interleave asynchronous tasks, each with a subsegment that holds another."""

    async def run() -> list[str]:
        turns = [asyncio.Event() for _ in range(3)]

        @xray_recorder.capture_async("inner")
        async def inner(number: int) -> None:
            turns[number].set()
            await turns[(number + 1) % 3].wait()
            xray_recorder.put_annotation("number", number)

        async def task(number: int) -> str:
            async with xray_recorder.in_subsegment_async(f"task {number}"):
                await inner(number)
                return xray_recorder.current_subsegment().name

        async with xray_recorder.in_subsegment_async("all"):
            return list(await asyncio.gather(*map(task, range(3))))

    return asyncio.run(run())


def threads(_: dict[str, Any]) -> Any:
    """Work in threads: with the entity, with a context, and with nothing."""
    with xray_recorder.in_subsegment("main") as main:

        def with_entity() -> None:
            xray_recorder.set_trace_entity(main)
            with xray_recorder.in_subsegment("with entity"):
                pass
            xray_recorder.clear_trace_entities()
            with xray_recorder.in_subsegment("cleared"):
                pass

        def plain(name: str) -> None:
            with xray_recorder.in_subsegment(name):
                pass

        context = contextvars.copy_context()
        for work in (
            with_entity,
            lambda: context.run(plain, "with context"),
            lambda: plain("with nothing"),
        ):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()


pool = ThreadPoolExecutor(1)


def pooled(event: dict[str, Any]) -> Any:
    """Work in a thread that keeps what an earlier invocation has made current in it."""

    def work() -> None:
        if event["first"]:
            xray_recorder.set_trace_entity(entity)
        with xray_recorder.in_subsegment("work"):
            pass

    with xray_recorder.in_subsegment("main") as entity:
        pool.submit(work).result()


def unbalanced(_: dict[str, Any]) -> Any:
    """Leave a subsegment open."""
    xray_recorder.begin_subsegment("left open").put_annotation("open", value=True)


def deadline(event: dict[str, Any]) -> Any:
    """Be within a subsegment when the time is up."""
    with xray_recorder.in_subsegment("waits") as subsegment:
        subsegment.put_annotation("pet", "Rex")
        Path(event["never"]).read_text("utf-8")


def top_level(_: dict[str, Any]) -> Any:
    """Write to the invocation's segment, which has never been sampled before."""
    xray_recorder.put_annotation("tenant", "a")
    xray_recorder.put_metadata("plan", "gold")
    segment = xray_recorder.current_segment()
    segment.put_http_meta("status", 500)
    segment.set_user("rex")
    segment.add_fault_flag()


def segments(_: dict[str, Any]) -> Any:
    """Open segments, as code does that is not made for Lambda."""
    with xray_recorder.in_segment("orders") as segment:
        segment.set_user("u-1")
        with xray_recorder.in_subsegment("in segment"):
            pass
    trace_id, parent_id = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
    xray_recorder.begin_segment("message", trace_id, parent_id)
    xray_recorder.begin_subsegment("in message")
    xray_recorder.end_segment()
    xray_recorder.end_subsegment()
    with xray_recorder.in_subsegment("after segments"):
        pass


def unsampled(_: dict[str, Any]) -> Any:
    """Leave out a part of the trace."""
    xray_recorder.begin_subsegment_without_sampling("left out")
    with xray_recorder.in_subsegment("in it"), tracer.start_as_current_span("in it too"):
        pass
    xray_recorder.end_subsegment()
    return [xray_recorder.is_sampled()]


def aws(event: dict[str, Any]) -> Any:
    """Call AWS, well and badly."""
    dynamodb.put_item(TableName="pets", Item={"id": {"S": event["pet"]}})
    try:
        dynamodb.get_item(TableName="none", Key={"id": {"S": "1"}})
    except dynamodb.exceptions.ResourceNotFoundException as error:
        return error.response["Error"]["Code"]


def sql(_: dict[str, Any]) -> Any:
    """Ask a database."""
    return sqlite3.connect(":memory:").execute("select 2").fetchone()


def http(event: dict[str, Any]) -> Any:
    """Call a server; what it was sent is the answer."""
    host, port = event["server"]
    with xray_recorder.in_subsegment("asks"):
        connection = HTTPConnection(host, port)
        connection.request("GET", "/?secret=1", headers={})
        return connection.getresponse().status


def reconfigured(_: dict[str, Any]) -> Any:
    """Configure the recorder again, in ways that are in the SDK's own documentation."""

    async def run() -> None:
        xray_recorder.configure(
            service="orders",
            context=AsyncContext(),
            context_missing="RUNTIME_ERROR",
            daemon_address="127.0.0.1:2000",
            sampling_rules={"version": 2, "rules": [], "default": {"fixed_target": 0, "rate": 0}},
            streaming_threshold=0,
        )
        xray_recorder.context = AsyncContext()
        async with xray_recorder.in_segment_async():
            await asyncio.gather(*(one(number) for number in range(2)))

    @xray_recorder.capture_async()
    async def one(number: int) -> None:
        await asyncio.sleep(0)
        xray_recorder.put_annotation("number", number)

    asyncio.run(run())


def own_times(_: dict[str, Any]) -> Any:
    """Say when a subsegment has ended."""
    subsegment = xray_recorder.begin_subsegment("timed")
    xray_recorder.end_subsegment(subsegment.start_time + 2.5)
    return time.time() > subsegment.start_time


def odd(_: dict[str, Any]) -> Any:
    """Write what no document can hold."""

    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    circle: list[Any] = []
    circle.append(circle)
    with xray_recorder.in_subsegment("odd") as subsegment:
        subsegment.put_metadata("odd", Odd(), "a")
        subsegment.put_metadata("circle", circle, "b")
        subsegment.put_metadata("set", {1, 2}, "c")
        subsegment.put_annotation("huge", 10**30)
    xray_recorder.end_subsegment()
    xray_recorder.clear_trace_entities()
    xray_recorder.end_segment()


class Fails(SpanProcessor):
    """Fails at the start of a span."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Raise."""
        del parent_context
        if span.name == "broken":
            raise RuntimeError("not today")


def broken(_: dict[str, Any]) -> Any:
    """Be traced by a span processor that fails."""
    trace.get_tracer_provider().add_span_processor(Fails())  # type: ignore[attr-defined]
    with xray_recorder.in_subsegment("around"):
        with xray_recorder.in_subsegment("broken") as broken:
            broken.put_annotation("pet", "Rex")
            with xray_recorder.in_subsegment("inside"):
                pass
        with xray_recorder.in_subsegment("after"):
            pass


def instrumented(event: dict[str, Any]) -> Any:
    """Have an instrumentation as well, around the SDK's patch."""
    BotocoreInstrumentor().instrument()
    try:
        return aws(event)
    finally:
        BotocoreInstrumentor().uninstrument()


def emits(event: dict[str, Any]) -> Any:
    """Send to the daemon too."""
    nowhere = xray_recorder.emitter
    xray_recorder.configure(emitter=UDPEmitter())
    feed(event["pet"])
    xray_recorder.configure(emitter=nowhere)


def handler(event: dict[str, Any], _: Any) -> Any:
    """Handle an event."""
    return globals()[event["do"]](event)
