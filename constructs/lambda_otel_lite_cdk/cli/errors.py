"""What a command says when it cannot do its work: one line and an exit code."""

from __future__ import annotations

import click


class CommandProblem(click.ClickException):
    """End the command with one line on stderr.

    Args:
        message: What is wrong, where the value came from and what to do.
    """

    def format_message(self) -> str:
        """Return the message on one line, even if a tool's output of several lines is in it."""
        return " ".join(self.message.split())


class UsageProblem(CommandProblem):
    """Report something that the user can fix; exit code 2."""

    exit_code = 2


class CheckFailed(CommandProblem):
    """Report that the work was done and the outcome is wrong; exit code 1."""

    exit_code = 1
