"""What a command says when it cannot do its work: one line and an exit code."""

from __future__ import annotations

from typing import Any

import click


class UsageProblem(click.ClickException):
    """Report something that the user can set right; one line on stderr, exit code 2.

    Args:
        message: The value, where it came from and what to do.
    """

    exit_code = 2

    def format_message(self) -> str:
        """Return the message on one line, whatever an underlying tool put into it."""
        return " ".join(self.message.split())


class OneLineGroup(click.Group):
    """Tell of a wrong option or argument as of any other problem: on one line, exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            path = (error.ctx or ctx).command_path
            problem = error.format_message().rstrip(".")
            raise UsageProblem(f"{problem}; see `{path} --help`") from error


class CheckFailed(UsageProblem):
    """Report that the work was done and its outcome is wrong; exit code 1."""

    exit_code = 1
