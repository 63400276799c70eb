"""Switch CloudWatch's Transaction Search on, without which its OTLP endpoint takes no spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_xray as xray

if TYPE_CHECKING:
    from constructs import IConstruct

_ID = "TelemetryTransactionSearch"
#: Where X-Ray keeps spans.
_LOG_GROUPS = ("aws/spans", "/aws/application-signals/data")


def switch_on_transaction_search(
    scope: IConstruct, percentage: int
) -> xray.CfnTransactionSearchConfig:
    """Switch it on for the account and region, once for each stack.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Enable-TransactionSearch.html

    Args:
        scope: A construct in the stack.
        percentage: Percentage of spans that X-Ray indexes too.
    """
    stack = Stack.of(scope)
    present = stack.node.try_find_child(_ID)
    if isinstance(present, xray.CfnTransactionSearchConfig):
        return present
    own = f"arn:{Aws.PARTITION}:logs:{stack.region}:{stack.account}:log-group"
    statement = {
        "Sid": "TransactionSearchXRayAccess",
        "Effect": "Allow",
        "Principal": {"Service": "xray.amazonaws.com"},
        "Action": "logs:PutLogEvents",
        "Resource": [f"{own}:{name}:*" for name in _LOG_GROUPS],
        "Condition": {
            "ArnLike": {
                "aws:SourceArn": f"arn:{Aws.PARTITION}:xray:{stack.region}:{stack.account}:*"
            },
            "StringEquals": {"aws:SourceAccount": stack.account},
        },
    }
    policy = logs.CfnResourcePolicy(
        stack,
        f"{_ID}Access",
        policy_name="lambda-otel-lite-transaction-search",
        policy_document=stack.to_json_string({"Version": "2012-10-17", "Statement": [statement]}),
    )
    config = xray.CfnTransactionSearchConfig(stack, _ID, indexing_percentage=percentage)
    # It checks that it may write to the log groups.
    config.add_dependency(policy)
    return config
