"""What a forwarder has besides its function: queues, log group, role, and the use of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs

from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.forwarding._destination import any_log_group
from lambda_otel_lite_cdk.forwarding._nag import explain, explain_key, explain_resource

# The one module of the forwarder that the constructs import.
from otlp_forwarder import variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3
    from constructs import Construct

#: What a function in a VPC needs.
_IN_VPC = (
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeSubnets"),
    *("ec2:DescribeNetworkInterfaces", "ec2:AssignPrivateIpAddresses"),
    "ec2:UnassignPrivateIpAddresses",
)
#: What is done with the key of a queue that is written and read. Source:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
_WITH_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
#: What CloudWatch Logs does with the key of a log group. Source:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
_LOGS_WITH_KEY = (
    *("kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"),
)


def queue(
    scope: Construct, name: str, key: kms.IKey | None, dead_letters: sqs.Queue | None = None
) -> sqs.Queue:
    """Return a queue of what the forwarder did not deliver.

    Args:
        scope: The construct that it is made in.
        name: Its name there.
        key: The key that it is encrypted with, None for one of SQS.
        dead_letters: Where messages go that were tried often, None for nowhere.
    """
    return sqs.Queue(
        scope,
        name,
        enforce_ssl=True,
        encryption=sqs.QueueEncryption.KMS if key else None,
        encryption_master_key=key,
        max_message_size_bytes=facts.MESSAGE_BYTES,
        retention_period=Duration.days(facts.QUEUE_DAYS),
        visibility_timeout=Duration.seconds(facts.VISIBILITY_S),
        dead_letter_queue=sqs.DeadLetterQueue(
            queue=dead_letters, max_receive_count=facts.MOST_TRIES
        )
        if dead_letters
        else None,
    )


def log_group(scope: Construct, name: str, key: kms.IKey | None) -> logs.LogGroup:
    """Return the log group of the forwarder's own lines.

    Args:
        scope: The construct that it is made in.
        name: Its name there.
        key: The key that it is encrypted with, None for one of CloudWatch Logs.
    """
    retention = logs.RetentionDays.ONE_MONTH
    group = logs.LogGroup(scope, name, retention=retention, encryption_key=key)
    if key is not None:
        _allow_logs(group, key)
    return group


def role(
    scope: Construct, name: str, group: logs.LogGroup, key: kms.IKey | None, *, in_vpc: bool
) -> iam.Role:
    """Return a role that may write to one log group only; Lambda's own may write to all.

    Args:
        scope: The construct that it is made in.
        name: Its name there.
        group: The log group.
        key: The key that it may use, for queues and for what it reads; None for none.
        in_vpc: Whether the forwarder runs in a VPC.
    """
    made = iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description="What the forwarder of telemetry may do",
    )
    group.grant_write(made)
    if key is not None:
        key.grant(made, *_WITH_KEY)
        explain_key(made)
    if in_vpc:
        # What the service makes interfaces with; none of it can be narrowed to a resource. Source:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
        allow_anywhere(made, _IN_VPC, "Lambda's own actions in a VPC cannot be narrowed.")
    return made


def allow_anywhere(to: iam.Role, actions: Sequence[str], reason: str) -> None:
    """Allow actions that have no resource, and say so to cdk-nag."""
    to.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=["*"]))
    explain(to, "IAM5[Resource::*]", reason)


def allow_overflow(to: iam.Role, bucket: s3.IBucket) -> None:
    """Allow to put objects into the forwarder's folder of a bucket, and nothing else of it."""
    objects = bucket.arn_for_objects(f"{variables.OVERFLOW_FOLDER}*")
    to.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=[objects]))
    explain_resource(to, objects, "The names of objects are made when they are put.")
    if bucket.encryption_key:
        bucket.encryption_key.grant(to, "kms:GenerateDataKey")


def _allow_logs(group: logs.LogGroup, key: kms.IKey) -> None:
    """Let CloudWatch Logs use a key for this account's log groups.

    For all of them: that one's name is known after it is made, which the key must be before.
    """
    stack = Stack.of(group)
    service = f"logs.{stack.region}.amazonaws.com"
    added = key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=list(_LOGS_WITH_KEY),
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": any_log_group(stack)}},
        )
    )
    if not added.statement_added:
        Annotations.of(group).add_warning_v2(
            "lambda-otel-lite:key-policy",
            f"{group.node.path}: its encryption_key is not made in this app. The key's own policy "
            f"must let the service {service} use it for log groups, or the deployment fails; see "
            f"https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.",
        )
