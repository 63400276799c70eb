"""`lambda-otel tail`, against the real boto3 and moto's account."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

import boto3
import pytest
from aws_cdk import App, Stack
from aws_cdk.aws_lambda import CfnFunction
from botocore import handlers
from botocore.awsrequest import AWSResponse
from click.testing import CliRunner, Result
from moto import mock_aws

from lambda_otel_lite_cdk.cli.account.log_events import LogEvents
from lambda_otel_lite_cdk.cli.main import main
from tests.cli.records import log_record

REGION = "eu-west-1"
pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account in which nothing is deployed."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield


def write(group: str, *lines: str, minutes_ago: int = 1) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="stream")
    at = int(time.time() * 1000) - minutes_ago * 60_000
    events = [{"timestamp": at, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="stream", logEvents=events)


def tail(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["tail", "--json", *arguments])


def deploy(stack: str, function: str, **more: Any) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)
    properties = {
        "FunctionName": function,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": role["Role"]["Arn"],
        "Code": {"ZipFile": "def handler(event, context): ..."},
        **more,
    }
    template = {
        "Resources": {"Orders": {"Type": "AWS::Lambda::Function", "Properties": properties}}
    }
    boto3.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))


@pytest.mark.parametrize("name", ["orders", "Shop", "/aws/lambda/orders"])
def test_a_function_a_stack_and_a_log_group_name_the_same_traces(name: str) -> None:
    deploy("Shop", "orders")
    write("/aws/lambda/orders", log_record())

    result = tail(name)

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)
    assert "reading /aws/lambda/orders" in result.stderr


def test_traces_of_several_groups_are_shown() -> None:
    write("/one", log_record())
    write("/two", log_record())

    assert len(tail("/one", "/two").stdout.splitlines()) == 2


def test_since_says_how_far_back_is_read() -> None:
    write("/one", log_record(), minutes_ago=30)

    assert "holds no spans" in tail("/one").stderr
    assert "was asked for" in tail("/one", "--since", "1h", "--name", "nobody").stderr


def test_a_functions_own_log_group_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto knows no LoggingConfig."""
    said = {"FunctionName": "orders", "LoggingConfig": {"LogGroup": "/shop/all"}}

    def answer(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, Raw(json.dumps(said).encode()))

    handle(monkeypatch, "lambda.GetFunctionConfiguration", answer)
    write("/shop/all", log_record())

    assert "reading /shop/all" in tail("orders").stderr


def test_functions_of_nested_stacks_are_their_stacks() -> None:
    boto3.client("s3").create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    deploy("Inner", "orders")
    template = boto3.client("cloudformation").get_template(StackName="Inner")["TemplateBody"]
    boto3.client("cloudformation").delete_stack(StackName="Inner")
    boto3.client("s3").put_object(Bucket="bucket", Key="t", Body=json.dumps(template))
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": f"https://bucket.s3.{REGION}.amazonaws.com/t"},
    }
    boto3.client("cloudformation").create_stack(
        StackName="Outer", TemplateBody=json.dumps({"Resources": {"Nested": nested}})
    )
    write("/aws/lambda/orders", log_record())

    assert tail("Outer").stderr.startswith("reading /aws/lambda/orders\n")


@pytest.mark.parametrize("name", ["Orders", "Prod/Orders", "Prod"])
def test_names_of_the_app_stand_for_what_was_deployed(name: str, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    stack = Stack(app, "Prod", stack_name="Shop")
    function = CfnFunction(stack, "Orders", role="r", code={"zipFile": "1"})
    function.override_logical_id("Orders")
    app.synth()
    deploy("Shop", "shop-orders-1x7")
    write("/aws/lambda/shop-orders-1x7", log_record())

    result = tail(name, "--app", str(tmp_path))

    assert result.exit_code == 0, result.output
    assert "reading /aws/lambda/shop-orders-1x7\n" in result.stderr


def test_a_trace_of_several_groups_is_whole() -> None:
    """Its spans come one group after the other."""
    ids = ("trace_id", "span_id")
    first = log_record("caller")
    write("/one", first)
    write("/two", log_record("callee"))

    shown = tail("/one", "/two", "--sort", "time")

    assert [set(ids) <= set(json.loads(line)) for line in shown.stdout.splitlines()] == [True] * 2


def handle(monkeypatch: pytest.MonkeyPatch, operation: str, answer: Callable[..., Any]) -> None:
    """Answer an operation's requests in place of the account, for sessions to come."""
    mine = (f"before-send.{operation}", answer)
    monkeypatch.setattr(handlers, "BUILTIN_HANDLERS", [mine, *handlers.BUILTIN_HANDLERS])


def refuse(monkeypatch: pytest.MonkeyPatch, operation: str, code: str, times: int) -> list[str]:
    """Have the first calls of an operation fail as AWS's do; return what was called."""
    called: list[str] = []

    def fail(request: Any, **_: Any) -> AWSResponse | None:
        called.append(request.url)
        if len(called) > times:
            return None
        body = json.dumps({"__type": code, "message": f"{code} was thrown"}).encode()
        return AWSResponse(request.url, 400, {}, Raw(body))

    handle(monkeypatch, f"cloudwatch-logs.{operation}", fail)
    return called


class Raw:
    """What botocore reads a response of."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield from self._pieces

    def close(self) -> None: ...


def test_a_call_that_is_refused_for_its_number_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("/one", log_record())
    called = refuse(monkeypatch, "FilterLogEvents", "ThrottlingException", 1)

    result = tail("/one")

    assert result.exit_code == 0, result.output
    assert len(called) == 2


def test_who_may_not_read_learns_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    write("/one", log_record())
    refuse(monkeypatch, "FilterLogEvents", "AccessDeniedException", 1)

    result = tail("/one")

    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()[1:]
    assert "AccessDeniedException" in line
    assert "Needed are logs:FilterLogEvents" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["orders", "--profile", "nobody"], "nobody"),
        (["orders", "--follow", "--until", "1m"], "--follow and --until contradict"),
        (["orders", "--app", "nowhere"], "nowhere"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    result = tail(*arguments)

    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line


def test_without_credentials_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")

    result = tail("orders")

    assert result.exit_code == 2
    assert "credentials" in result.stderr


def test_a_log_group_that_is_not_there_yet_says_so() -> None:
    deploy("Shop", "orders")

    result = tail("orders")

    assert result.exit_code == 2
    assert "the function has not run yet" in result.stderr


def event_stream(*updates: dict[str, Any]) -> Iterator[bytes]:
    """Encode updates of a live tail as AWS does.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
    """
    for update in updates:
        ((kind, content),) = update.items()
        headers = b"".join(
            bytes([len(name)]) + name + b"\x07" + len(text).to_bytes(2) + text
            for name, text in (
                (b":message-type", b"event"),
                (b":event-type", kind.encode()),
                (b":content-type", b"application/json"),
            )
        )
        body = json.dumps(content).encode()
        prelude = (len(headers) + len(body) + 16).to_bytes(4) + len(headers).to_bytes(4)
        message = prelude + crc32(prelude).to_bytes(4) + headers + body
        yield message + crc32(message).to_bytes(4)


def told(*messages: str) -> dict[str, Any]:
    results = [
        {"logStreamName": "live", "timestamp": 7, "message": one, "logGroupIdentifier": "1:/one"}
        for one in messages
    ]
    return {"sessionUpdate": {"sessionMetadata": {"sampled": False}, "sessionResults": results}}


def follow(*groups: str) -> tuple[Iterator[bytes | None], list[float]]:
    """Follow log groups with a clock that only waiting moves."""
    waits: list[float] = []
    # A session of its own, which has the handlers of this test.
    logs = boto3.Session().client("logs")
    lines = LogEvents(
        logs, groups, clock=lambda: time.time() + sum(waits), wait=waits.append
    ).follow("", int(time.time() * 1000) - 600_000)
    return lines, waits


def first(lines: Iterator[bytes | None], number: int) -> list[str]:
    found = (line.decode().rstrip() for line in lines if line)
    return [*islice(found, number)]


def live(monkeypatch: pytest.MonkeyPatch, *sessions: list[dict[str, Any]]) -> list[Any]:
    """Have live tails say something, one after the other; return what was asked for."""
    asked: list[Any] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        asked.append(json.loads(request.body))
        stream = event_stream(
            {"initial-response": {}}, {"sessionStart": {}}, *sessions[len(asked) - 1]
        )
        return AWSResponse(request.url, 200, {}, Raw(*stream))

    handle(monkeypatch, "cloudwatch-logs.StartLiveTail", answer)
    return asked


def test_what_comes_is_shown_by_a_live_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    write("/one", "early")
    asked = live(monkeypatch, [told(), told("a", "b")], [told("c")])
    lines, _ = follow("/one")

    assert first(lines, 4) == ["early", "a", "b", "c"]
    assert [one["logGroupIdentifiers"] for one in asked] == [
        [f"arn:aws:logs:{REGION}:123456789012:log-group:/one"]
    ] * 2


def test_a_line_that_is_told_and_asked_for_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    write("/one", "early", minutes_ago=0)
    (event,) = boto3.client("logs").filter_log_events(logGroupName="/one")["events"]
    same = told("early", "new")
    same["sessionUpdate"]["sessionResults"][0] |= {
        "logStreamName": "stream",
        "timestamp": event["timestamp"],
    }
    live(monkeypatch, [same])
    lines, _ = follow("/one")

    assert first(lines, 2) == ["early", "new"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "LimitExceededException"])
def test_where_there_is_no_live_tail_new_lines_are_asked_for(
    code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("/one", "early")
    called = refuse(monkeypatch, "StartLiveTail", code, 9)
    lines, waits = follow("/one")
    assert first(lines, 1) == ["early"]
    while len(waits) < 5:
        next(lines)
    events = [{"timestamp": int(time.time() * 1000), "message": "late"}]
    boto3.client("logs").put_log_events(
        logGroupName="/one", logStreamName="stream", logEvents=events
    )

    assert first(lines, 1) == ["late"]
    # Botocore itself asks again where there are too many.
    assert len(called) < 9
    assert code in capsys.readouterr().err


def test_more_groups_than_a_live_tail_takes_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    groups = [f"/{number}" for number in range(11)]
    for group in groups:
        write(group, f"of {group}")
    lines, waits = follow(*groups)

    assert sorted(first(lines, 11)) == sorted(f"of {group}" for group in groups)
    while not waits:
        next(lines)
    assert "a live tail takes 10 log groups, these are 11" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nobody", "/aws/lambda/nobody"])
def test_what_is_not_there_is_one_line_and_code_2(name: str) -> None:
    result = tail(name)

    assert result.exit_code == 2
    assert name in result.stderr
    assert "--region" in result.stderr
    assert "Traceback" not in result.stderr
