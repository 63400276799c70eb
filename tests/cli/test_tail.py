"""`lambda-otel tail`, against the real boto3 and moto's account."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

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


def deploy(stack: str, function: str) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)
    properties = {
        "FunctionName": function,
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": role["Role"]["Arn"],
        "Code": {"ZipFile": "def handler(event, context): ..."},
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


@pytest.mark.parametrize("name", ["nobody", "/aws/lambda/nobody"])
def test_what_is_not_there_is_one_line_and_code_2(name: str) -> None:
    result = tail(name)

    assert result.exit_code == 2
    assert name in result.stderr
    assert "--region" in result.stderr
    assert "Traceback" not in result.stderr
