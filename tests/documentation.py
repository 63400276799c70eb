"""Write what the pages and docstrings say of the settings: ``make docs``.

All of it comes from the runtime's table of variables. A test compares.
"""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_otel_lite.configuration.variables import BY_SETTING
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from lambda_otel_lite_cdk.settings.values import default_of
from tests.pages import ROOT, page_with

if TYPE_CHECKING:
    from lambda_otel_lite.configuration.kinds import Rule, Variable

_MARK = "<!-- settings, written by make docs -->"
PAGE = page_with(_MARK)
SETTINGS = ROOT / "constructs/lambda_otel_lite_cdk/settings/settings.py"
#: Arguments elsewhere that are a setting: file, argument and setting.
ARGUMENTS = (
    ("runtime/lambda_otel_lite/processor.py", "max_queue_size", "queue_size"),
    ("runtime/lambda_otel_lite/processor.py", "max_export_batch_size", "batch_size"),
    ("runtime/lambda_otel_lite/telemetry.py", "processor_mode", "mode"),
)
# What is written is the group of each.
_TABLE = re.compile(rf"{_MARK}\n(.*?)<!-- end of settings -->", re.DOTALL)
_ARGUMENTS = re.compile(r"\n    Args:\n(        mode: .*?)\n\n", re.DOTALL)
_DEFAULT = r"\n        {}: [^\n]*\bDefault: (\S+?)\.\s"
_ENTRY = re.compile(r"^        (\w+): (.*(?:\n            .*)*)", re.MULTILINE)
#: The formatter's.
_WIDTH = 100


def main() -> None:
    """Write every text that is not as the table has it."""
    for path, text in written().items():
        if text != path.read_text("utf-8"):
            path.write_text(text, "utf-8")
            print(f"docs: wrote {path.relative_to(ROOT)}")  # noqa: T201 - for whoever runs it


def written() -> dict[Path, str]:
    """Return the files that speak of settings, as the table has them."""
    files = {PAGE: _replaced(_TABLE, PAGE.read_text("utf-8"), table())}
    text = SETTINGS.read_text("utf-8")
    files[SETTINGS] = _replaced(_ARGUMENTS, text, arguments(entries(text)))
    for name, argument, setting in ARGUMENTS:
        path = ROOT / name
        text = files.get(path) or path.read_text("utf-8")
        default = re.compile(_DEFAULT.format(argument))
        files[path] = _replaced(default, text, _argument(BY_SETTING[setting]))
    return files


def table() -> str:
    """Return the table of variables."""
    rows = [f"| {' | '.join(_cells(variable))} |" for variable in BY_SETTING.values()]
    return "\n".join(
        ("| variable | default | accepted | meaning |", "|---|---|---|---|", *rows, "")
    )


def entries(text: str) -> dict[str, str]:
    """Return what the docstring of `TelemetrySettings` says of each argument, on one line.

    Args:
        text: The source of its module.
    """
    (listed,) = _ARGUMENTS.findall(text)
    return {name: " ".join(said.split()) for name, said in _ENTRY.findall(listed)}


def arguments(old: Mapping[str, str]) -> str:
    """Return the arguments of `TelemetrySettings`, as its docstring explains them.

    Args:
        old: What it says now; what is no variable stays as it is.
    """
    lines = []
    for field in dataclasses.fields(TelemetrySettings):
        variable = BY_SETTING.get(field.name)
        entry = " ".join(_sentences(variable)) if variable else old[field.name]
        lines += textwrap.wrap(
            f"{field.name}: {entry}",
            width=_WIDTH,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _replaced(pattern: re.Pattern[str], text: str, by: str) -> str:
    (found,) = pattern.finditer(text)
    return text[: found.start(1)] + by + text[found.end(1) :]


def _cells(variable: Variable) -> Iterator[str]:
    yield _code(variable["name"])
    yield _default(variable)
    yield _accepted(variable, _code)
    preset = variable.get("constructs")
    yield variable["meaning"] + (f" The constructs set {_code(preset)}." if preset else "")


def _default(variable: Variable) -> str:
    """Return the default as an environment has it."""
    match variable["kind"]:
        case "pairs" | "rules":
            return ""
        case "level":
            return variable["otherwise"]
        case "text":
            default = variable["default"] and _code(variable["default"])
            return ", else ".join(filter(None, (variable.get("otherwise"), default)))
        case "names":
            default = ",".join(variable["default"])
        case "switch":
            default = str(variable["default"]).lower()
        case "whole number" if "otherwise" in variable:
            return variable["otherwise"]
        case "choice" | "whole number" | "fraction" | "opt-in" | "reference":
            default = str(variable["default"])
    return default and _code(default)


def _accepted(variable: Variable, code: Callable[[str], str]) -> str:
    match variable["kind"]:
        case "whole number" | "fraction":
            low, high = variable["accepted"]
            return f"{low:,} to {high:,} {variable.get('unit', '')}".rstrip()
        case "choice" | "level" | "opt-in" | "names" | "reference":
            or_own = ("module:function",) if variable["kind"] == "reference" else ()
            return ", ".join(map(code, (*variable["accepted"], *or_own)))
        case "switch":
            return ", ".join(map(code, ("true", "false")))
        case "pairs":
            return "`key=value,key2=value2`, percent-encoded"
        case "rules":
            return ", ".join(map(_rule, variable["accepted"]))
        case "text":
            return ""


def _rule(rule: Rule) -> str:
    if "accepted" not in rule:
        return _code(rule["name"])
    low, high = rule["accepted"]
    return f"`{rule['name']}=` {low:,} to {high:,}"


def _sentences(variable: Variable) -> Iterator[str]:
    """Yield what the docstring of `TelemetrySettings` says of a setting."""
    yield variable["meaning"].replace("`", "``")
    accepted = _accepted(variable, lambda word: f'``"{word}"``')
    if accepted and variable["kind"] not in ("switch", "pairs", "rules"):
        yield f"Accepted: {accepted}."
    yield f"Default: {_argument(variable, default_of(variable))}."


def _argument(variable: Variable, default: str | None = None) -> str:
    """Return a default as code has it."""
    text = default or str(variable.get("default"))
    words = ("whole number", "fraction", "text", "level", "pairs", "rules")
    is_code = variable["kind"] not in words
    return "``" + text.replace("'", '"') + "``" if is_code and text != "none" else text


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    main()
