"""A setting is declared once: whatever the table says of it follows everywhere, or a test fails."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from lambda_otel_lite.configuration.settings import ProcessorMode, Settings
from lambda_otel_lite.configuration.variables import BY_SETTING, PROPAGATORS, SETTINGS
from lambda_otel_lite.extractors.auto import NAMES
from lambda_otel_lite.propagation import propagation
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from tests import documentation
from tests.pages import PAGES, ROOT

ROWS: dict[str, Any] = dict(BY_SETTING)
FIELDS = get_type_hints(TelemetrySettings)
#: Where other texts stand than those that `make docs` writes.
SOURCES = [
    *PAGES,
    *(ROOT / "runtime/lambda_otel_lite").rglob("*.py"),
    *(ROOT / "constructs/lambda_otel_lite_cdk").rglob("*.py"),
]
#: What is said of a row of each kind that `changed_table` has changed.
SAID = {
    "whole number": ("5 to 9 sheep", "7"),
    "fraction": ("5 to 9", "7"),
    "choice": ("red", "green"),
    "opt-in": ("red", "green"),
    "reference": ("red", "green"),
    "names": ("red", "green"),
    "level": ("RED", "GREEN", "that of red"),
    "text": ("that of red, else", "red"),
    "switch": ("true",),
    "pairs": (),
    "rules": (),
}
#: What the runtime reads of it where the variable is not set.
READ = {
    "whole number": 7,
    "choice": "red",
    "opt-in": ["red"],
    "reference": "red",
    "names": ["red"],
    "level": None,
    "text": "red",
    "switch": True,
    "pairs": {},
    "rules": {},
}


@pytest.fixture(scope="module")
def changed() -> dict[str, Any]:
    """What follows from a table in which every row is another."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.packaging.changed_table"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("setting", ROWS)
def test_a_row_that_changes_is_read_checked_and_explained_as_it_says(
    setting: str, changed: dict[str, Any]
) -> None:
    kind = ROWS[setting]["kind"]
    said = ("async",) if setting == "mode" else SAID[kind]

    if setting in changed["default"]:
        assert changed["default"][setting] == ("async" if setting == "mode" else READ[kind])
    if kind == "whole number" and setting in changed["default"]:
        assert changed["highest"][setting] == 9
        assert "5 to 9 sheep); using 7" in changed["warning"][setting]
    if kind == "choice" and setting in changed["warning"] and setting != "mode":
        assert "red, green); using red" in changed["warning"][setting]
    assert all(word in changed["table"][setting] for word in said)
    if kind == "rules":
        assert "some of red, green=5 to 9); using the other rules" in changed["warning"][setting]
        assert "`red`, `green=` 5 to 9" in changed["table"][setting]
    if setting in FIELDS:
        assert all(word in changed["problem"][setting].lower() for word in map(str.lower, said))
        assert all(word in changed["docstring"][setting].lower() for word in map(str.lower, said))


def test_a_default_that_changes_is_that_of_every_signature_and_constant(
    changed: dict[str, Any],
) -> None:
    assert "max_queue_size: int = 7, max_export_batch_size: int = 7" in changed["processor"]
    assert changed["arguments"].count("Default: 7.") == 2
    assert "processor_mode: Default: ``async``." in changed["arguments"]
    assert changed["constants"] == {
        "PROCESSOR_MODE": "async",
        "QUEUE_SIZE": 7,
        "BATCH_SIZE": 7,
        "COMPRESSION_LEVEL": 7,
        "SERVICE_NAME": "red",
    }
    assert changed["environment"] == {"LAMBDA_OTEL_EXPORTER": "green"}


@pytest.mark.parametrize("path", documentation.written(), ids=lambda path: path.name)
def test_texts_are_as_make_docs_writes_them(path: Path) -> None:
    assert path.read_text("utf-8") == documentation.written()[path]


def test_no_other_text_repeats_what_a_row_says() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in SOURCES
        for line in other_text(path).splitlines()
        for row in ROWS.values()
        if row["name"] in line and repeats(line, row)
    ]

    assert not found


def repeats(line: str, row: dict[str, Any]) -> bool:
    """Tell whether a line that names a variable names its range or its default as well."""
    if row["kind"] == "whole number":
        numbers = {int(re.sub("[,_]", "", n)) for n in re.findall(r"\b\d[\d,_]*", line)}
        return bool(numbers & {row["default"], *row["accepted"]})
    return "default" in line.lower() and str(row.get("default")) in line


def other_text(path: Path) -> str:
    """Return the text of a file without what `make docs` writes, and without the table itself."""
    text = path.read_text("utf-8")
    if path == documentation.PAGE:
        return text.replace(documentation.table(), "")
    if path.name == "variables.py":
        return ""
    names = [name for file, name, _ in documentation.ARGUMENTS if path == ROOT / file]
    lines = text.splitlines()
    return "\n".join(line for line in lines if line.split(":")[0].strip() not in names)


def test_no_sentence_of_a_row_holds_what_the_row_says_elsewhere() -> None:
    for row in ROWS.values():
        assert row["meaning"].endswith(".")
        if row["kind"] == "whole number":
            numbers = set(map(int, re.findall(r"\d+", row["meaning"])))
            assert numbers <= {0}  # which stands for "never"
            assert not {"ms", "bytes"} & {*re.findall(r"\w+", row["meaning"])}


def test_every_default_is_accepted() -> None:
    for row in ROWS.values():
        if row["kind"] in ("whole number", "fraction"):
            low, high = row["accepted"]
            assert low <= row["default"] <= high
        elif row["kind"] in ("choice", "opt-in", "reference"):
            assert {row["default"], row.get("constructs", row["default"])} <= {*row["accepted"]}
        elif row["kind"] == "names":
            assert {*row["default"]} <= {*row["accepted"]}
    assert list(TelemetrySettings(batch_size=ROWS["batch_size"]["default"]).conflicts()) == []


def test_every_row_has_a_field_of_the_runtimes_settings() -> None:
    assert {row["setting"] for row in SETTINGS} <= get_type_hints(Settings).keys()


def test_every_field_of_the_constructs_settings_but_two_is_a_row() -> None:
    assert FIELDS.keys() - ROWS.keys() == {"_", "layer_arn", "newer_python"}
    # The first is set by the constructs, the next two concern no function that they instrument, and
    # the last is an experiment of OpenTelemetry's.
    others = {"handler", "output_type", "aws_log_level", "resource_detectors"}
    assert ROWS.keys() - FIELDS.keys() == others


def test_each_name_and_each_setting_is_declared_once() -> None:
    names = [row["name"] for row in ROWS.values()]

    assert len(set(names)) == len(names)
    assert [row["setting"] for row in ROWS.values()] == list(ROWS)


def test_the_types_of_the_fields_name_what_the_rows_accept() -> None:
    literals = {
        name: get_args(part)
        for name, hint in FIELDS.items()
        for part in get_args(hint)
        if get_origin(part) is Literal
    }

    assert literals.keys() == {"mode", "exporter", "sampler", "semconv_opt_in"}
    assert literals == {name: ROWS[name]["accepted"] for name in literals}
    assert tuple(ProcessorMode) == ROWS["mode"]["accepted"]


def test_the_accepted_extractors_are_those_of_the_runtime() -> None:
    assert ROWS["extractor"]["accepted"] == NAMES
    assert TelemetrySettings(extractor="no_such_source").problems


@pytest.mark.parametrize("name", ROWS["propagators"]["accepted"])
def test_an_accepted_propagator_is_known_to_the_runtime(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    propagation.from_settings(Settings.from_environ({PROPAGATORS: name}))

    assert "is not known" not in caplog.text
