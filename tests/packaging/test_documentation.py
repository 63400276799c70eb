"""What README says and what the code does."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import opentelemetry.sdk.environment_variables as sdk

import lambda_otel_lite_cdk.settings.variables as constructs
from lambda_otel_lite.configuration import variables as runtime
from lambda_otel_lite.extractors.auto import BY_NAME as EXTRACTORS
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def documented_variables(heading: str) -> dict[str, str | None]:
    """Return name and default of each row in the table of variables below a heading of README."""
    section = README.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([A-Z_]+)` \|(?: `([^`]*)`)? \|", section, re.MULTILINE)
    return {name: default or None for name, default in rows}


def test_the_table_of_environment_variables_is_that_of_the_code() -> None:
    assert documented_variables("Environment variables") == runtime.DEFAULTS


def test_the_constructs_and_the_runtime_mean_the_same_variables() -> None:
    names = {
        name: value
        for name, value in vars(constructs).items()
        if name.isupper() and name != "ENTRY_POINT"
    }
    of_the_sdk = {name for name in names if name.startswith("TRACES_")}

    assert names.keys() - of_the_sdk
    assert names == {
        **{name: getattr(runtime, name) for name in names.keys() - of_the_sdk},
        **{name: getattr(sdk, f"OTEL_{name}") for name in of_the_sdk},
    }


def test_each_setting_of_the_constructs_has_a_variable_of_its_own() -> None:
    fields = dataclasses.fields(TelemetrySettings)
    named = [item.metadata["variable"] for item in fields if item.metadata["variable"]]

    assert len(named) == len(set(named))
    variables = {value for name, value in vars(constructs).items() if name.isupper()}
    assert set(named) == variables - {constructs.HANDLER, constructs.ENTRY_POINT}


def test_the_constructs_know_the_extractors_of_the_runtime() -> None:
    rule = TelemetrySettings.__dataclass_fields__["extractor"].metadata["rule"]

    assert all(rule.accepts(name) for name in EXTRACTORS)
    assert not rule.accepts("no_such_source")


def test_the_entry_point_exists_in_the_runtime() -> None:
    module, _, attribute = constructs.ENTRY_POINT.rpartition(".")
    path = ROOT / "runtime" / (module.replace(".", "/") + ".py")

    assert re.search(rf"^{attribute} = ", path.read_text(), re.MULTILINE)
