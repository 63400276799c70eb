"""The list of commands. Each is a module of its name in ``commands``, imported when it is run."""

from __future__ import annotations

import codecs
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from lambda_otel_lite_cdk import distribution
from lambda_otel_lite_cdk.cli.errors import UsageProblem

#: Name of an error handler of codecs.
_QUESTION_MARKS = "lambda-otel-question-marks"
#: The commands as ``--help`` lists them, with the first sentence of each one's own help.
_COMMANDS = {
    "completion": "Print the script that completes this command in a shell.",
    "cost": "Say what tracing costs in a month, and which quota it reaches first.",
    "decode": "Show the traces of a log, or write them to a file.",
    "demo": "Run the demo app for real and show its trace.",
    "fleet": "Show which functions of an app are instrumented, and why others are not.",
    "forwarder": "Write the forwarder's code and a CloudFormation template, for Terraform and SAM.",
    "instrument": "Instrument a CDK app in any language, or a SAM or CloudFormation template.",
    "invoke": "Run a function as it was synthesized, without AWS.",
    "layer": "Build the telemetry layer, for Terraform, SAM and container images.",
    "receive": "Show the traces that are sent to this machine by OTLP over HTTP.",
    "tail": "Show the traces in the log groups of functions and stacks.",
    "view": "Show the traces of a log in the browser.",
}


class _CommandList(click.Group):
    """List the commands without importing them, and report a wrong argument on one line."""

    def __init__(self, **attributes: Any) -> None:
        listed = {name: click.Command(name, short_help=text) for name, text in _COMMANDS.items()}
        super().__init__(**attributes, commands=listed)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the chosen command."""
        name, listed, rest = super().resolve_command(ctx, args)
        if listed is None:
            return name, None, rest
        module = import_module(f"lambda_otel_lite_cdk.cli.commands.{listed.name}")
        return name, getattr(module, str(listed.name)), rest

    def make_context(
        self, info_name: str | None, args: list[str], *others: Any, **more: Any
    ) -> click.Context:
        """Read the arguments that come before a command's name."""
        # Without any, click shows the help, which is an error of its own.
        with _on_one_line(str(info_name)) if args else nullcontext():
            return super().make_context(info_name, args, *others, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            with _on_one_line(ctx.command_path):
                return super().invoke(ctx)
        except BrokenPipeError:
            _end_quietly()
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        except ModuleNotFoundError as error:
            said = distribution.needs("this command", distribution.extra_of(error.name))
            raise UsageProblem(f"{said} ({error})") from error


@contextmanager
def _on_one_line(command: str) -> Iterator[None]:
    """Report wrong arguments without the lines of usage that click puts before.

    Args:
        command: Whose arguments they are, where click does not say it.
    """
    try:
        yield
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else command
        problem = error.format_message().rstrip(".")
        raise UsageProblem(f"{problem}; see `{path} --help`") from error


@click.group(cls=_CommandList, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=distribution.NAME, message="%(version)s")
def main() -> None:
    """Run the functions of a synthesized CDK app on this machine and look at their traces.

    Exit codes: 0 done; 1 the outcome is wrong (a function failed, a record is malformed and
    --strict was given); 2 something is missing or not valid, explained in one line; 128 + N ended
    by signal N.
    """
    _show_what_cannot_be_encoded()
    # A plain SIGTERM would end this process and leave the emulator behind.
    signal.signal(signal.SIGTERM, exit_on_signal)


def exit_on_signal(number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that whatever was started ends too; the code is that of shells."""
    sys.exit(128 + number)


def _show_what_cannot_be_encoded() -> None:
    """Have question marks printed for a sign that the terminal's encoding has not.

    As many as the sign has cells, or the columns of tables would shift.
    """
    codecs.register_error(_QUESTION_MARKS, _question_marks)
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors=_QUESTION_MARKS)


def _question_marks(error: UnicodeError) -> tuple[str, int]:
    from rich.cells import cell_len  # noqa: PLC0415 - most terminals show all

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "?" * cell_len(error.object[error.start : error.end]), error.end


def _end_quietly() -> NoReturn:
    """End with success after the reader of standard output has gone away."""
    # Or the interpreter would say that it cannot flush, when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
