"""The list of commands, and what holds for each of them."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lambda_otel_lite_cdk.cli import commands
from lambda_otel_lite_cdk.cli.main import main
from tests.cli.command import assert_refused, complete, run, run_code


def _listed() -> dict[str, str]:
    """Each command that the help lists, with its sentence."""
    rows = run("--help").stdout.partition("Commands:\n")[2]
    found = re.findall(r"^  (\w+) +(.*(?:\n {4,}.*)*)", rows, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lambda_otel_lite_cdk.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'aws_cdk', 'rich', 'opentelemetry', 'boto3', 'jsii'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_module_of_the_commands_and_the_exit_codes() -> None:
    assert set(_listed()) == {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert "Exit codes: 0 done; 1" in run("--help").stdout


@pytest.mark.parametrize(
    "name", [module.name for module in pkgutil.iter_modules(commands.__path__)]
)
def test_a_command_is_listed_with_the_first_sentence_of_its_help(name: str) -> None:
    text = " ".join(CliRunner().invoke(main, [name, "--help"]).output.split())
    assert re.match(rf"Usage: main {name} .*? {re.escape(_listed()[name])} ", text)


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ("de", "plain,decode\nplain,demo"),
        ("x", ""),
        ("decode --st", "plain,--strict"),
        ("unknown --st", ""),
    ],
)
def test_commands_and_options_are_completed(begun: str, found: str) -> None:
    assert complete(begun) == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "_LAMBDA_OTEL_COMPLETE" in done.stdout
    if shell == "bash":
        subprocess.run(["/bin/bash", "-n"], input=done.stdout, text=True, check=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["invoke"], ["Missing argument", "invoke --help"]),
        (["invoke", "F", "--repeat", "0"], ["--repeat", "0", "invoke --help"]),
        (["decode", "--format", "xml"], ["'xml'", "otlp-json", "decode --help"]),
        (["nothing"], ["No such command 'nothing'", "--help"]),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(arguments: list[str], words: list[str]) -> None:
    assert_refused(run(*arguments), *words)


@pytest.mark.parametrize(("module", "extra"), [("rich", "cli"), ("jsii", "cdk")])
def test_a_package_that_is_missing_is_named_with_its_extra(module: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "import lambda_otel_lite_cdk.cli.main as m\n"
        f"m.import_module = lambda _: __import__({module!r})"
    )
    named = f'`pip install "lambda-otel-lite-cdk[{extra}]"`'
    assert_refused(run_code(code, "decode"), "this command needs", named, module)
