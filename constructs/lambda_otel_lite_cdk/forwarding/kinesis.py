"""Put a data stream between the log groups and the forwarder."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources

from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.forwarding._nag import explain

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct

#: Tries of a batch before it is passed over. Where the collector is down, the forwarder hands spans
#: over to its redrive queue after a few.
_MOST_TRIES = 100
#: The range of each value; sources are in the docstring of `Kinesis`.
_RANGES = {
    "shards": (1, 100_000),
    "retention_hours": (24, 8760),
    "parallel": (1, 10),
    "batch_size": (1, 10_000),
    "window_seconds": (0, 300),
}


@dataclass(frozen=True)
class Kinesis:
    """Say how a data stream carries log records to an `OtlpForwarder`.

    Args:
        stream: A stream that exists. Default: one is made.
        shards: Shards of the stream that is made. Default: on demand, which scales by itself.
        retention_hours: How long that stream keeps what the collector does not take, in hours, 24
            to 8760. Default 24.
        parallel: Forwarders that read one shard at once, 1 to 10. Default 1.
        batch_size: Most log batches that a forwarder gets at once, 1 to 10,000. Default 100.
        window_seconds: How long it waits for them, in seconds, 0 to 300. A longer window puts
            more spans into each request, and delivers them later. Default 1.

    Sources of the ranges:

    - https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
    - https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html
    """

    _: KW_ONLY
    stream: kinesis.IStream | None = None
    shards: int | None = None
    retention_hours: int = 24
    parallel: int = 1
    batch_size: int = 100
    window_seconds: int = 1

    def feed(
        self,
        scope: Construct,
        construct_id: str,
        function: lambda_.Function,
        dead_letters: sqs.IQueue,
        key: kms.IKey | None = None,
    ) -> kinesis.IStream:
        """Make the stream, unless there is one, and let a function read it.

        What fails is sent again. After many tries, which are no outage of the collector's, Lambda
        passes over it, so that it holds no neighbour up. Where it is in the stream is a dead letter
        then; the stream keeps it until its retention ends.

        Args:
            scope: The construct that the stream is made in.
            construct_id: Its name there.
            function: The forwarder.
            dead_letters: The queue for what is passed over.
            key: The key that it is encrypted with. Default: one of Kinesis.

        Raises:
            SettingsError: A value is out of range.
        """
        self._check(function.node.path)
        stream = self.stream or kinesis.Stream(
            scope,
            construct_id,
            shard_count=self.shards,
            stream_mode=kinesis.StreamMode.PROVISIONED
            if self.shards
            else kinesis.StreamMode.ON_DEMAND,
            retention_period=Duration.hours(self.retention_hours),
            encryption=kinesis.StreamEncryption.KMS if key else kinesis.StreamEncryption.MANAGED,
            encryption_key=key,
        )
        if key is not None:
            explain(stream, "KDS3", "The app chose the key that its telemetry is encrypted with.")
        function.add_event_source(
            event_sources.KinesisEventSource(
                stream,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=self.batch_size,
                max_batching_window=Duration.seconds(self.window_seconds),
                parallelization_factor=self.parallel,
                report_batch_item_failures=True,
                # Finds a record that ends the forwarder itself.
                bisect_batch_on_error=True,
                retry_attempts=_MOST_TRIES,
                on_failure=event_sources.SqsDlq(dead_letters),
            )
        )
        return stream

    def _check(self, where: str) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise SettingsError(
                    f"{where}: Kinesis.{name} is {value!r}; it must be a whole number from {low} "
                    f"to {high}. Correct it, or leave it out for the default."
                )
        if self.stream is not None and self.shards is not None:
            raise SettingsError(
                f"{where}: Kinesis.shards is {self.shards}, but Kinesis.stream exists already. "
                f"Leave one of them out."
            )
