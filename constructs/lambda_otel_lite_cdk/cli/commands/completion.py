"""``lambda-otel completion``."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def completion(shell: str) -> None:
    """Print the script that completes this command in a shell.

    Bash: add `eval "$(lambda-otel completion bash)"` to ~/.bashrc; zsh: the same with zsh in
    ~/.zshrc; fish: `lambda-otel completion fish > ~/.config/fish/completions/lambda-otel.fish`.
    """
    main = click.get_current_context().find_root().command
    click.echo(_SHELLS[shell](main, {}, "lambda-otel", "_LAMBDA_OTEL_COMPLETE").source())
