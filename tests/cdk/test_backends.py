"""Where forwarders send spans: CloudWatch, backends that are known by name, collectors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager

from lambda_otel_lite_cdk import (
    Backend,
    CloudWatch,
    Dash0,
    Datadog,
    GrafanaCloud,
    Honeycomb,
    InstrumentedFunction,
    Kinesis,
    NewRelic,
    OtlpCollector,
    OtlpForwarder,
)
from otlp_forwarder.aws import Scope
from otlp_forwarder.settings import ForwarderSettings

from .conftest import INLINE, RUNTIME, functions, resources, template, variables
from .test_forwarder import SOURCE, statements


def forwarder_to(stack: Stack, destination: Backend, **props: Any) -> dict[str, Any]:
    """Return the environment of a forwarder."""
    OtlpForwarder(stack, "Forwarder", destination=destination, runtime=RUNTIME, **props)
    (function,) = functions(stack)
    return variables(function)


def told(environment: dict[str, Any], **known: str) -> ForwarderSettings:
    """Return what a deployed forwarder reads, where references are known by these values."""

    def text(name: str, value: Any) -> str:
        match value:
            case str():
                return value
            case {"Fn::Join": ["", [*parts]]}:
                return "".join(text("", part) for part in parts)
            case {"Ref": "AWS::URLSuffix"}:
                return "amazonaws.com"
            case _:
                return known.get(name, "https://queue")

    return ForwarderSettings.from_environ({n: text(n, value) for n, value in environment.items()})


def key(stack: Stack) -> secretsmanager.Secret:
    return secretsmanager.Secret(stack, "Key")


ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"


def test_cloudwatch_needs_its_own_permission_alone(stack: Stack) -> None:
    settings = told(forwarder_to(stack, CloudWatch()))

    assert settings.traces_url == "https://xray.eu-west-1.amazonaws.com/v1/traces"
    assert settings.signed_for == Scope("xray", "eu-west-1")
    assert settings.headers_secret is None
    (granted,) = (each for each in statements(stack) if "xray" in json.dumps(each["Action"]))
    assert granted == {"Action": "xray:PutTraceSegments", "Effect": "Allow", "Resource": "*"}
    assert resources(stack, "AWS::XRay::TransactionSearchConfig") == []


def test_other_backends_get_no_permission_of_cloudwatch(stack: Stack) -> None:
    forwarder_to(stack, OtlpCollector(endpoint="https://collector"))

    assert "xray" not in json.dumps(statements(stack))


def test_the_endpoint_is_that_of_the_partition_and_region() -> None:
    stack = Stack(App(analytics_reporting=False), "Anywhere")
    endpoint = forwarder_to(stack, CloudWatch())["OTLP_FORWARDER_ENDPOINT"]

    assert endpoint == {
        "Fn::Join": [
            "",
            ["https://xray.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/v1/traces"],
        ]
    }


def test_another_regions_endpoint_can_be_chosen(stack: Stack) -> None:
    settings = told(forwarder_to(stack, CloudWatch(site="us-east-1")))

    assert settings.signed_for == Scope("xray", "us-east-1")


def test_transaction_search_is_switched_on_where_it_is_asked_for(stack: Stack) -> None:
    destination = CloudWatch(transaction_search=True, indexing_percentage=5)
    for name in ("One", "Two"):
        OtlpForwarder(stack, name, destination=destination, runtime=RUNTIME)

    (config,) = resources(stack, "AWS::XRay::TransactionSearchConfig")
    assert config == {"IndexingPercentage": 5}
    (policy,) = resources(stack, "AWS::Logs::ResourcePolicy")
    document = json.dumps(policy["PolicyDocument"])
    assert "xray.amazonaws.com" in document
    assert "log-group:aws/spans:*" in document
    assert "aws:SourceAccount" in document
    made = template(stack)["Resources"]
    (search,) = (r for r in made.values() if r["Type"] == "AWS::XRay::TransactionSearchConfig")
    assert made[search["DependsOn"][0]]["Type"] == "AWS::Logs::ResourcePolicy"


@pytest.mark.parametrize(
    ("backend", "url"),
    [
        (Honeycomb, "https://api.honeycomb.io/v1/traces"),
        (GrafanaCloud, "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp/v1/traces"),
        (NewRelic, "https://otlp.nr-data.net/v1/traces"),
        (Datadog, "https://otlp.datadoghq.com/v1/traces"),
        (Dash0, "https://ingress.eu-west-1.aws.dash0.com/v1/traces"),
    ],
)
def test_a_backend_is_known_by_its_name(stack: Stack, backend: type[Backend], url: str) -> None:
    site = {GrafanaCloud: "prod-eu-west-2", Dash0: "eu-west-1.aws"}.get(backend, "")
    destination = backend(headers_secret=key(stack), site=site)

    settings = told(forwarder_to(stack, destination), OTLP_FORWARDER_HEADERS_SECRET=ARN)

    assert settings.traces_url == url
    assert settings.headers_secret == ARN
    assert settings.signed_for is None
    assert settings.headers == ({"dd-protocol": "otlp"} if backend is Datadog else {})
    (read,) = (e for e in statements(stack) if "secretsmanager:GetSecretValue" in e["Action"])
    assert "Key" in json.dumps(read["Resource"])
    assert destination.preset.page.startswith("https://")


def test_a_backends_other_sites_are_known(stack: Stack) -> None:
    destination = Honeycomb(headers_secret=key(stack), site="api.eu1.honeycomb.io")

    settings = told(forwarder_to(stack, destination), OTLP_FORWARDER_HEADERS_SECRET=ARN)

    assert settings.traces_url == "https://api.eu1.honeycomb.io/v1/traces"


def test_how_a_collector_is_reached_is_what_the_forwarder_reads(stack: Stack) -> None:
    destination = OtlpCollector(
        endpoint="https://collector.internal/otlp?tenant=1",
        headers={"x-team": "a,b=c"},
        compression="none",
        timeout=2000,
        certificate=key(stack),
        client_certificate="/opt/client.pem",
    )

    settings = told(forwarder_to(stack, destination), OTLP_FORWARDER_CERTIFICATE=ARN)

    assert settings.traces_url == "https://collector.internal/otlp/v1/traces?tenant=1"
    assert settings.headers == {"x-team": "a,b=c"}
    assert (settings.compression, settings.timeout) == ("none", 2000)
    assert (settings.certificate, settings.client_certificate) == (ARN, "/opt/client.pem")
    assert [e for e in statements(stack) if "secretsmanager:GetSecretValue" in e["Action"]]


@pytest.mark.parametrize(
    "props",
    [
        {"endpoint": "https://c.example.com/#x"},
        {"endpoint": "https://c.example.com:0"},
        {"endpoint": "https://c.example.com:443x"},
        {"endpoint": "https://c.example.com:99999"},
        {"endpoint": "https://c.example.com/a b"},
        {"endpoint": "https://c\xf6llector.example.com"},
        {"endpoint": "https://c.example.com", "allowed_headers": ["x-a:"]},
        {"endpoint": "https://c", "allowed_endpoints": ["https://u:pw@c.example.com/v1/traces"]},
        {"destination": OtlpCollector(endpoint="https://c", headers={"Host": "x"})},
        {"destination": OtlpCollector(endpoint="https://c", headers={"x-a": "b\nc"})},
        {"destination": OtlpCollector(endpoint="https://c", client_key="arn:aws:s3:::key")},
        {},
    ],
)
def test_what_the_deployed_forwarder_refuses_is_refused_at_synth(
    stack: Stack, props: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"^Shop/Forwarder: ") as raised:
        OtlpForwarder(stack, "Forwarder", **props)
    assert "pw@" not in str(raised.value)


def test_a_forwarder_in_a_network_may_have_interfaces_there(stack: Stack) -> None:
    vpc = ec2.Vpc(stack, "Network", nat_gateways=0)
    group = ec2.SecurityGroup(stack, "Group", vpc=vpc)
    subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)

    forwarder_to(
        stack,
        OtlpCollector(endpoint="http://collector.internal:4318"),
        vpc=vpc,
        vpc_subnets=subnets,
        security_groups=[group],
    )

    (function,) = functions(stack)
    assert len(function["VpcConfig"]["SubnetIds"]) == len(vpc.isolated_subnets)
    assert "Group" in json.dumps(function["VpcConfig"]["SecurityGroupIds"])
    (granted,) = (each for each in statements(stack) if "ec2" in json.dumps(each["Action"]))
    assert "ec2:CreateNetworkInterface" in granted["Action"]
    assert not [action for action in granted["Action"] if "*" in action]


def test_it_runs_on_the_newest_python_that_the_cdk_knows(stack: Stack) -> None:
    OtlpForwarder(stack, "Forwarder", destination=CloudWatch())

    (function,) = functions(stack)
    names = [name for name in dir(lambda_.Runtime) if name.startswith("PYTHON_3_")]
    newest = max(int(name.removeprefix("PYTHON_3_")) for name in names)
    assert function["Runtime"] == f"python3.{newest}"


def test_several_forwarders_read_one_stream() -> None:
    """Each with queues, metrics and alarms of its own: none holds another back."""
    environment = Environment(account="123456789012", region="eu-west-1")
    stack = Stack(App(analytics_reporting=False), "Shop", env=environment)
    first = OtlpForwarder(stack, "One", destination=CloudWatch(), via=Kinesis(), runtime=RUNTIME)
    second = OtlpForwarder(
        stack,
        "Two",
        destination=Honeycomb(headers_secret=key(stack)),
        via=Kinesis(stream=first.stream),
        runtime=RUNTIME,
    )
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=first.forwarding)

    assert len(resources(stack, "AWS::Kinesis::Stream")) == 1
    assert len(resources(stack, "AWS::Logs::SubscriptionFilter")) == 1
    assert len([s for s in resources(stack, SOURCE) if "StartingPosition" in s]) == 2
    assert len(resources(stack, "AWS::SQS::Queue")) == 4
    assert {alarm.node.path for alarm in first.alarms}.isdisjoint(
        alarm.node.path for alarm in second.alarms
    )


def test_alarms_say_how_to_look(stack: Stack) -> None:
    forwarder_to(stack, CloudWatch())

    said = {
        name: json.dumps(alarm["AlarmDescription"])
        for alarm in resources(stack, "AWS::CloudWatch::Alarm")
        for name in ("refused", "waits for somebody", "address, account or headers")
        if name in json.dumps(alarm["AlarmDescription"])
    }
    assert "aws logs filter-log-events" in said["refused"]
    assert "aws sqs receive-message" in said["waits for somebody"]
    assert "aws logs filter-log-events" in said["address, account or headers"]
