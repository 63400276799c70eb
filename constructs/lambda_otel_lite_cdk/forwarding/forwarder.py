"""Deploy the function that turns log records into OTLP requests, and everything it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import AssetHashType, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from constructs import Construct

from lambda_otel_lite_cdk.errors import BundlingError, SettingsError
from lambda_otel_lite_cdk.forwarding import _parts as parts
from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.forwarding.alarms import forwarder_alarms
from lambda_otel_lite_cdk.forwarding.backends import Backend, OtlpCollector, checked
from lambda_otel_lite_cdk.forwarding.presets import CloudWatch
from lambda_otel_lite_cdk.forwarding.subscription import Forwarding
from lambda_otel_lite_cdk.forwarding.transaction_search import switch_on_transaction_search
from lambda_otel_lite_cdk.layer.build import stage_package
from lambda_otel_lite_cdk.settings.tokens import is_token, write_token

# The one module of the forwarder that is imported here. It imports nothing of the forwarder.
from otlp_forwarder import variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_s3 as s3

    from lambda_otel_lite_cdk.forwarding.backends import Kept
    from lambda_otel_lite_cdk.forwarding.kinesis import Kinesis


class OtlpForwarder(lambda_.Function):
    """Forward log records to an OTLP/HTTP collector, and keep what it does not take.

    Give `forwarding` to functions. What cannot be delivered waits in `redrive_queue` and is sent
    again from there. What the collector refuses, and what failed for half a day, waits in
    `dead_letters`. The forwarder itself is not instrumented, and its log group is never forwarded.

    Args:
        scope: The construct that it is made in.
        id: Its name there.
        destination: Where spans go: `CloudWatch`, `Honeycomb`, `GrafanaCloud`, `NewRelic`,
            `Datadog`, `Dash0`, or a `OtlpCollector`.
        endpoint: Short for ``destination=OtlpCollector(endpoint=..., headers_secret=...)``.
        headers_secret: Goes with ``endpoint``.
        via: A `Kinesis` stream that carries the log records. Default: log groups call the
            forwarder.
        account_level: Forward all log groups of the account and region, also those made later, by
            one policy. Then `forwarding` is None: no log group needs a subscription.
        concurrency: Most forwarders at once, at least 2; this concurrency is reserved for them, so
            that a slow collector cannot take that of your functions. The collector never sees more
            than ``concurrency`` times four requests at once. Default 10. None: nothing is reserved,
            and the account's limit holds, which a new account with a limit of 10 needs.
        allowed_endpoints: URLs that a log record may choose instead of the endpoint; they never
            get the headers of the secret. Default: none.
        allowed_headers: Names of headers that a log record may set. Default: none.
        span_metrics: Most pairs of service and root span that get metrics of their own in
            CloudWatch, in the namespace ``OtlpForwarder/RootSpans``: ``Calls``, ``Errors`` and
            ``Duration``. Each forwarder that runs counts its first ones, and all others as
            ``other``. Of several forwarders of the same spans give it to one. Default 0: none.
        runtime: Python version that it runs on. Default: the newest that the CDK knows.
        vpc: The network that it runs in, for a collector there. From a subnet without a way to the
            internet it needs endpoints for SQS and, if it reads a secret, for its service.
            Default: none.
        vpc_subnets: Its subnets there. Default: the private ones.
        security_groups: Its security groups there. Default: a new one.
        overflow_bucket: A bucket for what the collector refuses and fits into no message of
            1 MiB. The forwarder may put objects into its folder ``otlp-forwarder/``, encrypted with
            the bucket's key. Default: none; such a span is lost, and counted.
        encryption_key: The key that queues, log group and a stream that is made are encrypted with.
            The forwarder may use it, for a secret that is encrypted with it too, and so may
            CloudWatch Logs for log groups of the account. Default: keys of AWS.

    Attributes:
        forwarding: The way into the forwarder, or None if an account-level policy is the way.
        redrive_queue: What is sent again.
        dead_letters: What is not sent again until somebody moves it to `redrive_queue`.
        alarms: Errors, dropped and held data, age of the oldest data, dead letters; without
            actions.
        stream: The stream that carries log records, or None. Another forwarder with
            ``via=Kinesis(stream=...)`` sends the same spans elsewhere, with queues, metrics and
            alarms of its own.

    Raises:
        SettingsError: The forwarder would refuse a value, or a number is out of range.
        BundlingError: The forwarder's package is not installed.
    """

    def __init__(  # noqa: PLR0913 - all but two are by keyword
        self,
        scope: Construct,
        id: str,  # noqa: A002 - named as every construct names it
        *,
        destination: Backend | None = None,
        endpoint: str | None = None,
        headers_secret: Kept | None = None,
        via: Kinesis | None = None,
        account_level: bool = False,
        concurrency: int | None = facts.CONCURRENCY,
        allowed_endpoints: Sequence[str] = (),
        allowed_headers: Sequence[str] = (),
        span_metrics: int = int(variables.SPAN_METRICS.default or 0),
        runtime: lambda_.Runtime | None = None,
        vpc: ec2.IVpc | ec2.Vpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup | ec2.SecurityGroup] | None = None,
        overflow_bucket: s3.IBucket | s3.Bucket | None = None,
        encryption_key: kms.IKey | kms.Key | None = None,
    ) -> None:
        where = f"{scope.node.path}/{id}"
        backend, name = _backend(where, destination, endpoint, headers_secret)
        _check_concurrency(where, concurrency)
        chosen = {
            variables.ALLOWED_ENDPOINTS: ",".join(allowed_endpoints),
            variables.ALLOWED_HEADERS: ",".join(allowed_headers),
            variables.SPAN_METRICS: _number(span_metrics),
        }
        environment = checked(name, backend.values(Stack.of(scope), name))
        environment |= checked(f"{where}: OtlpForwarder", chosen)
        try:
            staged = stage_package("otlp_forwarder")
        except BundlingError as error:
            raise BundlingError(f"{where}: {error}") from error
        # They must be there before the function, so that they cannot be in it. Ids that a user may
        # give to its siblings (`ForwarderLogs`) would collide.
        beside = Construct(scope, f"{id}@")
        self.dead_letters = parts.queue(beside, "DeadLetters", encryption_key)
        self.redrive_queue = parts.queue(beside, "Redrive", encryption_key, self.dead_letters)
        log_group = parts.log_group(beside, "Logs", encryption_key)
        environment |= {
            variables.REDRIVE_QUEUE.name: self.redrive_queue.queue_url,
            variables.DEAD_LETTER_QUEUE.name: self.dead_letters.queue_url,
        }
        role = parts.role(beside, "Role", log_group, encryption_key, in_vpc=vpc is not None)
        super().__init__(
            scope,
            id,
            runtime=runtime or _newest_runtime(),
            handler=facts.HANDLER,
            code=lambda_.Code.from_asset(
                str(staged.path), asset_hash=staged.asset_hash, asset_hash_type=AssetHashType.CUSTOM
            ),
            environment=environment,
            role=role,
            log_group=log_group,
            memory_size=facts.MEMORY_MB,
            timeout=Duration.seconds(facts.TIMEOUT_S),
            reserved_concurrent_executions=concurrency,
            # For what ends the function, and what it did not deliver, after Lambda's own retries.
            dead_letter_queue=self.redrive_queue,
            description=facts.DESCRIPTION,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=list(security_groups) if security_groups else None,
        )
        for kept in backend.kept():
            kept.grant_read(self)
        if overflow_bucket:
            self.add_environment(variables.OVERFLOW_BUCKET.name, overflow_bucket.bucket_name)
            parts.allow_overflow(role, overflow_bucket)
        if isinstance(backend, CloudWatch):
            _grant_cloudwatch(self, role, backend)
        self._read_redriven()
        self.stream = (
            via.feed(beside, "Stream", self, self.dead_letters, encryption_key) if via else None
        )
        way = Forwarding.to_kinesis(self.stream) if self.stream else Forwarding.to_function(self)
        if account_level:
            way.account_level(self, exclude=[log_group])
        self.forwarding = None if account_level else way
        self.alarms = forwarder_alarms(
            self, self.redrive_queue, self.dead_letters, streamed=via is not None
        )

    def _read_redriven(self) -> None:
        # It may send to the other queue already, which is its dead-letter queue to Lambda.
        self.dead_letters.grant_send_messages(self)
        self.add_event_source(
            event_sources.SqsEventSource(
                self.redrive_queue,
                batch_size=facts.REDRIVE_BATCH,
                report_batch_item_failures=True,
                max_concurrency=facts.REDRIVE_CONCURRENCY,
            )
        )


def _backend(
    where: str, destination: Backend | None, endpoint: str | None, headers_secret: Kept | None
) -> tuple[Backend, str]:
    """Return where spans go, and what an error calls it."""
    if destination is not None and endpoint is None and headers_secret is None:
        return destination, f"{where}: {type(destination).__name__}"
    if destination is None and endpoint is not None:
        collector = OtlpCollector(endpoint=endpoint, headers_secret=headers_secret)
        return collector, f"{where}: OtlpForwarder"
    raise SettingsError(
        f"{where}: OtlpForwarder needs either destination or endpoint, and headers_secret goes "
        f"with endpoint. Give destination=CloudWatch(), or "
        f"endpoint='https://collector.example.com'."
    )


def _number(value: int) -> str:
    """Return a number as the text of a variable, which is not set for 0."""
    return write_token(value) if is_token(value) else str(value or "")


def _newest_runtime() -> lambda_.Runtime:
    minors = [
        int(name.removeprefix("PYTHON_3_"))
        for name in dir(lambda_.Runtime)
        if name.startswith("PYTHON_3_")
    ]
    newest: lambda_.Runtime = getattr(lambda_.Runtime, f"PYTHON_3_{max(minors)}")
    return newest


def _grant_cloudwatch(function: lambda_.Function, role: iam.Role, backend: CloudWatch) -> None:
    """Let a forwarder send to CloudWatch, which asks for no more than this and for no resource.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
    """
    reason = "X-Ray's endpoint has no resource that its one action could be narrowed to."
    parts.allow_anywhere(role, [facts.XRAY_ACTION], reason)
    if backend.transaction_search:
        switch_on_transaction_search(function, backend.indexing_percentage)


def _check_concurrency(where: str, concurrency: int | None) -> None:
    if concurrency is not None and concurrency < facts.REDRIVE_CONCURRENCY:
        raise SettingsError(
            f"{where}: OtlpForwarder.concurrency is {concurrency!r}; it must be a whole number of "
            f"at least {facts.REDRIVE_CONCURRENCY}, which the redrive queue takes alone. Correct "
            f"it, or leave it out for {facts.CONCURRENCY}."
        )
