"""Deploy the function that turns record lines into OTLP requests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aws_cdk import AssetHashType, Duration, Token
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.bundling import stage_package

if TYPE_CHECKING:
    from constructs import Construct

#: Where the forwarder sends what it is given. Its package has the same name.
ENDPOINT = "OTLP_FORWARDER_ENDPOINT"


class OtlpForwarder(lambda_.Function):
    """Forward record lines to an OTLP/HTTP collector.

    It is not instrumented itself, and its log group is never subscribed.

    Args:
        scope: The construct that it is made in.
        id: Its name there.
        endpoint: Address of the collector, ``http://`` or ``https://``, without credentials.
        runtime: Python version that it runs on. Default Python 3.13.

    Raises:
        ValueError: The endpoint is no such address.
        BundlingError: The forwarder's package is not installed.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - named as every construct names it
        *,
        endpoint: str,
        runtime: lambda_.Runtime | None = None,
    ) -> None:
        _check_endpoint(f"{scope.node.path}/{id}", endpoint)
        staged = stage_package("otlp_forwarder")
        super().__init__(
            scope,
            id,
            runtime=runtime or lambda_.Runtime.PYTHON_3_13,
            handler="otlp_forwarder.handler.handler",
            code=lambda_.Code.from_asset(
                str(staged.path), asset_hash=staged.asset_hash, asset_hash_type=AssetHashType.CUSTOM
            ),
            environment={ENDPOINT: endpoint},
            log_group=logs.LogGroup(scope, f"{id}Logs", retention=logs.RetentionDays.ONE_MONTH),
            memory_size=256,
            timeout=Duration.seconds(60),
            description="Sends the telemetry of Lambda functions from their logs to a collector",
        )


def _check_endpoint(where: str, endpoint: str) -> None:
    if Token.is_unresolved(endpoint):
        return
    address = urlsplit(endpoint)
    if address.scheme not in {"http", "https"} or not address.hostname or "@" in address.netloc:
        # The address itself is not repeated: it may hold a password.
        raise ValueError(
            f"{where}: OtlpForwarder.endpoint must be http://HOST or https://HOST without "
            f"credentials, such as https://collector.example.com:4318; correct it."
        )
