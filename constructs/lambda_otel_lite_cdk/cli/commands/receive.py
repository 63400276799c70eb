"""``lambda-otel receive``: an OTLP receiver on this machine, shown as ``decode`` does."""

from __future__ import annotations

import click

from lambda_otel_lite_cdk.cli.receiver import Receiver
from lambda_otel_lite_cdk.cli.showing.show import ShowOptions, show, shows_traces


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=4318, help="Default 4318; 0: any that is free."
)
@shows_traces
def receive(port: int, wanted: ShowOptions) -> None:
    """Show the traces that are sent to this machine by OTLP over HTTP.

    For what does not come by the log: set OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 where
    the spans are made. It listens on loopback alone, and takes protobuf and JSON, gzipped or not.
    Each trace is drawn once it has been quiet for two seconds. Ctrl-C ends it.
    """
    with Receiver(port) as receiver:
        click.echo(f"receiving traces at {receiver.endpoint}; Ctrl-C ends", err=True)
        show(receiver.requests(), receiver.endpoint, wanted)
