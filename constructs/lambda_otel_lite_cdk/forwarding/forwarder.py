"""Deploy the function that turns log records into OTLP requests, and everything it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aws_cdk import AssetHashType, Duration, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs

from lambda_otel_lite_cdk.errors import BundlingError, SettingsError
from lambda_otel_lite_cdk.forwarding.alarms import forwarder_alarms
from lambda_otel_lite_cdk.forwarding.subscription import Forwarding
from lambda_otel_lite_cdk.layer.build import stage_package

# The one module of the forwarder that is imported here. It imports nothing of the forwarder.
from otlp_forwarder import variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_ssm as ssm
    from constructs import Construct

    from lambda_otel_lite_cdk.forwarding.kinesis import Kinesis

_TIMEOUT = Duration.seconds(60)
#: Six times the function's timeout, https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html.
#: What failed waits so long for the next try.
_VISIBILITY = Duration.seconds(360)
#: Tries before somebody has to look: 100 of them, six minutes apart, outlast a night's outage.
_MOST_TRIES = 100
#: The largest message, since what Lambda gave up is a whole event. Source:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
_MESSAGE_BYTES = 1024 * 1024
#: The smallest that Lambda accepts: most of the concurrency is left for what is new. Source:
#: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_REDRIVE_CONCURRENCY = 2


class OtlpForwarder(lambda_.Function):
    """Forward log records to an OTLP/HTTP collector, and keep what it does not take.

    Give `forwarding` to functions. What cannot be delivered waits in `redrive_queue` and is sent
    again from there. What the collector refuses, and what failed for half a day, waits in
    `dead_letters`. The forwarder itself is not instrumented, and its log group is never forwarded.

    Args:
        scope: The construct that it is made in.
        id: Its name there.
        endpoint: Address of the collector, ``http://`` or ``https://``, without credentials.
        headers_secret: Secret or SSM parameter with the headers of every request, as JSON object
            or as ``name=value,...``. The forwarder may read it; its value is never in the template
            or the environment. Default: no headers.
        via: A `Kinesis` stream that carries the log records. Default: log groups call the
            forwarder.
        account_level: Forward all log groups of the account and region, also those made later, by
            one policy. Then `forwarding` is None: no log group needs a subscription.
        concurrency: Most forwarders at once, at least 1; this concurrency is reserved for them.
            Then the collector never sees more than ``concurrency`` times four requests at once.
            Default: none is reserved, and the account's limit holds.
        allowed_endpoints: URLs that a log record may choose instead of the endpoint; they never
            get the headers of the secret. Default: none.
        allowed_headers: Names of headers that a log record may set. Default: none.
        runtime: Python version that it runs on. Default Python 3.13.

    Attributes:
        forwarding: The way into the forwarder, or None if an account-level policy is the way.
        redrive_queue: What is sent again.
        dead_letters: What is not sent again until somebody moves it to `redrive_queue`.
        alarms: Errors, dropped data, age of the oldest data, dead letters; without actions.

    Raises:
        SettingsError: The endpoint is not such an address, or a number is out of range.
        BundlingError: The forwarder's package is not installed.
    """

    def __init__(  # noqa: PLR0913 - all but two are by keyword
        self,
        scope: Construct,
        id: str,  # noqa: A002 - named as every construct names it
        *,
        endpoint: str,
        # To pyright a `Secret` is no `ISecret`: some of its parameters have other names.
        headers_secret: secretsmanager.ISecret
        | secretsmanager.Secret
        | ssm.IParameter
        | None = None,
        via: Kinesis | None = None,
        account_level: bool = False,
        concurrency: int | None = None,
        allowed_endpoints: Sequence[str] = (),
        allowed_headers: Sequence[str] = (),
        runtime: lambda_.Runtime | None = None,
    ) -> None:
        where = f"{scope.node.path}/{id}"
        _check_endpoint(where, endpoint, secret=headers_secret is not None)
        _check_concurrency(where, concurrency)
        try:
            staged = stage_package("otlp_forwarder")
        except BundlingError as error:
            raise BundlingError(f"{where}: {error}") from error
        self.dead_letters = _queue(scope, f"{id}DeadLetters")
        self.redrive_queue = _queue(scope, f"{id}Redrive", self.dead_letters)
        log_group = logs.LogGroup(scope, f"{id}Logs", retention=logs.RetentionDays.ONE_MONTH)
        environment = {
            variables.ENDPOINT: endpoint,
            variables.HEADERS_SECRET: _arn(headers_secret),
            variables.ALLOWED_ENDPOINTS: ",".join(allowed_endpoints),
            variables.ALLOWED_HEADERS: ",".join(allowed_headers),
            variables.REDRIVE_QUEUE: self.redrive_queue.queue_url,
            variables.DEAD_LETTER_QUEUE: self.dead_letters.queue_url,
        }
        super().__init__(
            scope,
            id,
            runtime=runtime or lambda_.Runtime.PYTHON_3_13,
            handler="otlp_forwarder.handler.handler",
            code=lambda_.Code.from_asset(
                str(staged.path), asset_hash=staged.asset_hash, asset_hash_type=AssetHashType.CUSTOM
            ),
            environment={each.name: value for each, value in environment.items() if value},
            role=_role(scope, f"{id}Role", log_group),
            log_group=log_group,
            memory_size=512,
            timeout=_TIMEOUT,
            reserved_concurrent_executions=concurrency,
            # For what ends the function, and what it did not deliver, after Lambda's own retries.
            dead_letter_queue=self.redrive_queue,
            description="Sends the telemetry of Lambda functions from their logs to a collector",
        )
        if headers_secret is not None:
            headers_secret.grant_read(self)
        self._read_redriven()
        way = (
            Forwarding.to_kinesis(via.feed(scope, f"{id}Stream", self))
            if via
            else Forwarding.to_function(self)
        )
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
                batch_size=10,
                report_batch_item_failures=True,
                max_concurrency=_REDRIVE_CONCURRENCY,
            )
        )


def _queue(scope: Construct, name: str, dead_letters: sqs.Queue | None = None) -> sqs.Queue:
    return sqs.Queue(
        scope,
        name,
        enforce_ssl=True,
        max_message_size_bytes=_MESSAGE_BYTES,
        retention_period=Duration.days(14),
        visibility_timeout=_VISIBILITY,
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=_MOST_TRIES)
        if dead_letters
        else None,
    )


def _role(scope: Construct, name: str, log_group: logs.LogGroup) -> iam.Role:
    """Return a role that may write to one log group only; Lambda's own may write to all."""
    role = iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description="What the forwarder of telemetry may do",
    )
    log_group.grant_write(role)
    return role


def _arn(secret: secretsmanager.ISecret | ssm.IParameter | None) -> str:
    if secret is None:
        return ""
    return secret.secret_arn if hasattr(secret, "secret_arn") else secret.parameter_arn


def _check_endpoint(where: str, endpoint: str, *, secret: bool) -> None:
    if Token.is_unresolved(endpoint):
        return
    try:
        address = urlsplit(endpoint)
    except ValueError:
        # For example an IPv6 address without its closing bracket.
        address = urlsplit("")
    credentials = "@" in address.netloc
    if address.scheme not in {"http", "https"} or not address.hostname or credentials:
        # The address itself is not repeated: it may hold a password.
        raise SettingsError(
            f"{where}: OtlpForwarder.endpoint has the scheme {address.scheme!r}, the host "
            f"{address.hostname!r} and {'some' if credentials else 'no'} credentials; it must be "
            f"http://HOST or https://HOST without credentials, such as "
            f"https://collector.example.com:4318. Correct it."
        )
    if secret and address.scheme == "http":
        raise SettingsError(
            f"{where}: OtlpForwarder.endpoint is http, which would send headers_secret "
            f"unencrypted; it must be https with headers_secret. Use https, or leave "
            f"headers_secret out."
        )


def _check_concurrency(where: str, concurrency: int | None) -> None:
    if concurrency is not None and concurrency < 1:
        raise SettingsError(
            f"{where}: OtlpForwarder.concurrency is {concurrency!r}; it must be a whole number of "
            f"at least 1, because 0 would stop the forwarder. Correct it, or leave it out."
        )
