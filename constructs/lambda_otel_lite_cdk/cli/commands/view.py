"""``lambda-otel view``: the report of a log, in the browser."""

from __future__ import annotations

from typing import Any

import click

from lambda_otel_lite_cdk.cli.showing.filters import choice, filtered
from lambda_otel_lite_cdk.cli.showing.show import VIEW, ShowOptions, show
from lambda_otel_lite_cdk.cli.traces.sources import Logs


@click.command()
@click.argument("log", nargs=-1)
@click.option("--no-open", is_flag=True, help="Print the page's address alone.")
@filtered
def view(log: tuple[str, ...], *, no_open: bool, **given: Any) -> None:
    """Show the traces of a log in the browser.

    LOG is what decode takes; a log that is followed is shown as it grows: `aws logs tail --follow
    GROUP | lambda-otel view`. The page is this machine's alone, and is there until Ctrl-C is
    pressed; decode --format html writes one that stays. See also tail --view and receive --view.
    """
    logs = Logs(log or ("-",))
    wanted = ShowOptions(form=VIEW, choice=choice(given), opens=not no_open)
    show(logs.lines(), logs.name, wanted, logs.problems)
