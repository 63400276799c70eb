"""Change every row of the table of variables, and print what follows from it, as JSON.

It is run in a process of its own: many defaults are taken from the table by an import.
"""

# ruff: noqa: E402 - the table is changed before anything else is imported

from __future__ import annotations

from typing import Any

from lambda_otel_lite.configuration import variables

#: What the rows of a kind are given.
CHANGES: dict[str, dict[str, Any]] = {
    "whole number": {"default": 7, "accepted": (5, 9), "unit": "sheep"},
    "fraction": {"default": 7, "accepted": (5, 9)},
    "choice": {"default": "red", "accepted": ("red", "green")},
    "opt-in": {"default": "red", "accepted": ("red", "green")},
    "reference": {"default": "red", "accepted": ("red", "green")},
    "names": {"default": ("red",), "accepted": ("red", "green")},
    "level": {"otherwise": "that of red", "accepted": ("RED", "GREEN")},
    "switch": {"default": True},
    "text": {"default": "red", "otherwise": "that of red"},
    "pairs": {},
    "rules": {"accepted": ({"name": "red"}, {"name": "green", "accepted": (5, 9)})},
}

rows: dict[str, Any] = dict(variables.BY_SETTING)
for setting, row in rows.items():
    # The words of `mode` are those of an enumeration too.
    row.update({"default": "async"} if setting == "mode" else CHANGES[row["kind"]])
    if row["kind"] != "text" and row["kind"] != "level":
        row.pop("otherwise", None)
    if "constructs" in row:
        row["constructs"] = "green"

import inspect
import json
import logging

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.constants import Defaults
from lambda_otel_lite.processor import LambdaSpanProcessor
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from tests import documentation
from tests.pages import ROOT


def read(setting: str, text: str | None = None) -> Any:
    """Return what the runtime reads."""
    return getattr(Settings.from_environ({rows[setting]["name"]: text} if text else {}), setting)


def warning(setting: str) -> str | None:
    """Return what the runtime says of a value that no row accepts."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("lambda_otel_lite")
    logger.addHandler(handler)
    read(setting, "10")
    logger.removeHandler(handler)
    return said[0] if said else None


def problem(setting: str) -> str:
    """Return what the constructs say of such a value."""
    wrong: dict[str, Any] = {setting: 10}
    return TelemetrySettings(**wrong).problems[0]


own = [row["setting"] for row in variables.SETTINGS]
fields = [name for name in TelemetrySettings.__dataclass_fields__ if name in rows]
written = documentation.written()
print(  # noqa: T201 - for the test
    json.dumps(
        {
            "default": {name: read(name) for name in own},
            "highest": {name: read(name, "9") for name in own if "unit" in rows[name]},
            "warning": {name: warning(name) for name in own},
            "environment": TelemetrySettings().environment(),
            "problem": {name: problem(name) for name in fields},
            "table": dict(zip(rows, documentation.table().splitlines()[2:], strict=True)),
            "docstring": documentation.entries(written[documentation.SETTINGS]),
            "processor": str(inspect.signature(LambdaSpanProcessor)),
            "arguments": "".join(
                written[ROOT / path]
                for path in dict.fromkeys(path for path, _, _ in documentation.ARGUMENTS)
            ),
            "constants": {name: value for name, value in vars(Defaults).items() if name.isupper()},
        }
    )
)
