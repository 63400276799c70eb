"""The properties of `aws_cdk.aws_lambda.Function`, as type checkers and editors need them.

Written by `make types` from the oldest aws-cdk-lib that is supported, 2.240.0; do not edit it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import aws_cdk
    import aws_cdk.aws_codeguruprofiler
    import aws_cdk.aws_ec2
    import aws_cdk.aws_iam
    import aws_cdk.aws_lambda
    import aws_cdk.aws_logs
    import aws_cdk.aws_sns
    import aws_cdk.aws_sqs
    import aws_cdk.interfaces.aws_kms
    import aws_cdk.interfaces.aws_lambda
    import aws_cdk.interfaces.aws_logs


class _RequiredProperties(TypedDict):
    """Those without which there is no function."""

    code: aws_cdk.aws_lambda.Code
    handler: str
    runtime: aws_cdk.aws_lambda.Runtime


class FunctionProperties(_RequiredProperties, total=False):
    """The properties that `InstrumentedFunction` hands to `aws_cdk.aws_lambda.Function` unchanged.

    Type your own functions and subclasses that hand them on with it, as in
    ``def __init__(self, scope, id, **props: Unpack[FunctionProperties])``.

    Source: https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.aws_lambda/FunctionProps.html
    """

    adot_instrumentation: aws_cdk.aws_lambda.AdotInstrumentationConfig | dict[str, Any] | None
    allow_all_ipv6_outbound: bool | None
    allow_all_outbound: bool | None
    allow_public_subnet: bool | None
    application_log_level: str | None
    application_log_level_v2: aws_cdk.aws_lambda.ApplicationLogLevel | None
    architecture: aws_cdk.aws_lambda.Architecture | None
    code_signing_config: aws_cdk.interfaces.aws_lambda.ICodeSigningConfigRef | None
    current_version_options: aws_cdk.aws_lambda.VersionOptions | dict[str, Any] | None
    dead_letter_queue: aws_cdk.aws_sqs.IQueue | None
    dead_letter_queue_enabled: bool | None
    dead_letter_topic: aws_cdk.aws_sns.ITopic | None
    description: str | None
    durable_config: aws_cdk.aws_lambda.DurableConfig | dict[str, Any] | None
    environment: Mapping[str, str] | None
    environment_encryption: aws_cdk.interfaces.aws_kms.IKeyRef | None
    ephemeral_storage_size: aws_cdk.Size | None
    events: Sequence[aws_cdk.aws_lambda.IEventSource] | None
    filesystem: aws_cdk.aws_lambda.FileSystem | None
    function_name: str | None
    initial_policy: Sequence[aws_cdk.aws_iam.PolicyStatement] | None
    insights_version: aws_cdk.aws_lambda.LambdaInsightsVersion | None
    ipv6_allowed_for_dual_stack: bool | None
    layers: Sequence[aws_cdk.aws_lambda.ILayerVersion] | None
    log_format: str | None
    log_group: aws_cdk.interfaces.aws_logs.ILogGroupRef | None
    log_removal_policy: aws_cdk.RemovalPolicy | None
    log_retention: aws_cdk.aws_logs.RetentionDays | None
    log_retention_retry_options: aws_cdk.aws_lambda.LogRetentionRetryOptions | dict[str, Any] | None
    log_retention_role: aws_cdk.aws_iam.IRole | None
    logging_format: aws_cdk.aws_lambda.LoggingFormat | None
    max_event_age: aws_cdk.Duration | None
    memory_size: float | None
    on_failure: aws_cdk.aws_lambda.IDestination | None
    on_success: aws_cdk.aws_lambda.IDestination | None
    params_and_secrets: aws_cdk.aws_lambda.ParamsAndSecretsLayerVersion | None
    profiling: bool | None
    profiling_group: aws_cdk.aws_codeguruprofiler.IProfilingGroup | None
    recursive_loop: aws_cdk.aws_lambda.RecursiveLoop | None
    reserved_concurrent_executions: float | None
    retry_attempts: float | None
    role: aws_cdk.aws_iam.IRole | None
    runtime_management_mode: aws_cdk.aws_lambda.RuntimeManagementMode | None
    security_groups: Sequence[aws_cdk.aws_ec2.ISecurityGroup] | None
    snap_start: aws_cdk.aws_lambda.SnapStartConf | None
    system_log_level: str | None
    system_log_level_v2: aws_cdk.aws_lambda.SystemLogLevel | None
    tenancy_config: aws_cdk.aws_lambda.TenancyConfig | None
    timeout: aws_cdk.Duration | None
    tracing: aws_cdk.aws_lambda.Tracing | None
    vpc: aws_cdk.aws_ec2.IVpc | None
    vpc_subnets: aws_cdk.aws_ec2.SubnetSelection | dict[str, Any] | None
