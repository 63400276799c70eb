"""``lambda-otel cost``: say what tracing costs in a month, and which quota it reaches first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lambda_otel_lite_cdk.cli.cost.app import read_app
from lambda_otel_lite_cdk.cli.cost.load import Forwarders, Group, Load
from lambda_otel_lite_cdk.cli.cost.log import measure
from lambda_otel_lite_cdk.cli.cost.overhead import read_overheads
from lambda_otel_lite_cdk.cli.cost.plot import draw
from lambda_otel_lite_cdk.cli.cost.prices import read_prices
from lambda_otel_lite_cdk.cli.cost.show import as_json, print_table
from lambda_otel_lite_cdk.cli.cost.ways import rows
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.settings.keep import Keep, accepted

_SHARE = click.FloatRange(0, 1)
_AMOUNT = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("cdk_out", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--functions", type=click.IntRange(1, 1_000_000), help="How many. Default: 1.")
@click.option("--memory", type=click.IntRange(128, 10_240), help="Of each, in MB. Default: 512.")
@click.option("--keep", help="Keep rules of all functions, such as errors,ratio=0.05.")
@click.option("--invocations", type=_AMOUNT, help="Of each function, a month. Default: 1,000,000.")
@click.option("--duration", type=_AMOUNT, help="Of an invocation untraced, in ms. Default: 120.")
@click.option("--spans", type=click.FloatRange(1), help="Of an invocation. Default: 5.")
@click.option("--bytes-per-span", type=_AMOUNT, help="In the log. Default: as benchmarks measured.")
@click.option(
    "--log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A function's log, to measure --spans and --bytes-per-span from.",
)
@click.option("--cold-starts", type=_SHARE, help="Share of invocations. Default: 0.01.")
@click.option("--errors", type=_SHARE, help="Share with an error. Default: 0.01.")
@click.option("--timeouts", type=_SHARE, help="Share that reaches the deadline. Default: 0.001.")
@click.option("--slow", type=_SHARE, help="Share that slower_than_ms keeps. Default: 0.01.")
@click.option("--ratio", type=_SHARE, help="Of the row with the rule ratio. Default: 0.05.")
@click.option("--peak", type=click.FloatRange(1), help="Busiest second by average. Default: 3.")
@click.option("--forwarder", type=_AMOUNT, help="A call of the forwarder, in ms. Default: 60.")
@click.option("--region", default="us-east-1", show_default=True, help="Whose prices hold.")
@click.option(
    "--price", multiple=True, metavar="NAME=USD", help="In place of one read; repeatable."
)
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON, with each price's page.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw cost by the size of the fleet into an SVG file.",
)
def cost(  # noqa: PLR0913 - one per option
    *,
    cdk_out: Path | None,
    functions: int | None,
    memory: int | None,
    keep: str | None,
    spans: float | None,
    bytes_per_span: float | None,
    log: Path | None,
    duration: float | None,
    forwarder: float | None,
    region: str,
    price: tuple[str, ...],
    json_wanted: bool,
    plot: Path | None,
    **shares: float | None,
) -> None:
    """Say what tracing costs in a month, and which quota it reaches first.

    Of CDK_OUT, the folder that `cdk synth` wrote, it takes the instrumented functions, their memory
    and keep rules, and how their spans are forwarded. Without it, give --functions and --memory.

    This project, with each way of forwarding and each keep rule, is compared with lambda-otel-lite
    0.15, the ADOT layer, the X-Ray SDK and Datadog's extension. What each adds to a function is
    from the project's own benchmarks, without extensions that run beside it; what is free in an
    account is not taken off. Examples:

    \b
      lambda-otel cost cdk.out --invocations 3e6 --errors 0.02
      lambda-otel cost --functions 200 --spans 12 --keep errors,ratio=0.05
      lambda-otel cost cdk.out --price logs.ingested=0.57 --plot cost.svg
    """  # noqa: D301 - click's mark for lines that stay
    if cdk_out and (functions or memory or keep):
        raise UsageProblem("--functions, --memory and --keep are read from CDK_OUT; leave them out")
    if log and (spans or bytes_per_span):
        raise UsageProblem("--spans and --bytes-per-span are measured from --log; leave them out")
    if plot and plot.suffix.lower() != ".svg":
        raise UsageProblem(f"--plot {plot}: give a file whose name ends in .svg")
    if cdk_out:
        groups, forwarding = read_app(cdk_out)
    else:
        group = Group(functions=functions or 1, memory_mb=memory or 512, keep=_keep(keep))
        groups, forwarding = (group,), Forwarders()
    if log:
        spans, bytes_per_span = measure(log)
    given: dict[str, Any] = {
        **shares,
        "spans": spans,
        "bytes_per_span": bytes_per_span,
        "duration_ms": duration,
        "forwarder_ms": forwarder,
    }
    known = {name: value for name, value in given.items() if value is not None}
    load = Load(groups=groups, forwarding=forwarding, **known)
    prices, overheads = read_prices(region, price), read_overheads()
    if plot:
        _write(plot, draw(load, prices, overheads))
    found = rows(load, prices, overheads)
    if json_wanted:
        click.echo(json.dumps(as_json(found, load, prices, overheads), indent=2))
    else:
        print_table(found, load, prices)


def _keep(text: str | None) -> Keep | None:
    if not text:
        return None
    try:
        keep = Keep.read(text)
    except ValueError:
        keep = None
    if keep is None or not keep.is_accepted():
        raise UsageProblem(f"--keep {text}: give {accepted()}, as text, such as errors,ratio=0.05")
    return keep


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageProblem(
            f"--plot {path} cannot be written ({error.strerror}); give another path"
        ) from error
