"""What the pages say and what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lambda_otel_lite.configuration.variables import BY_SETTING, ENTRY_POINT
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from tests.libraries.libraries import LIBRARIES
from tests.pages import PAGES, README, ROOT, page_with

TEXT = README.read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
#: Words of README, each cell's border of a table among them.
MOST_WORDS = 3000


def section(title: str) -> str:
    """Return the text below a heading of README."""
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def first_cells(title: str) -> list[str]:
    """Return the first column of a table of README."""
    return re.findall(r"^\| (?!---)(.+?) \|", section(title), re.MULTILINE)[1:]


def test_readme_is_short() -> None:
    assert len(TEXT.split()) <= MOST_WORDS


def test_the_entry_point_exists_in_the_runtime() -> None:
    module, _, attribute = ENTRY_POINT.rpartition(".")
    path = ROOT / "runtime" / (module.replace(".", "/") + ".py")

    assert re.search(rf"^{attribute} = ", path.read_text(), re.MULTILINE)


def test_the_libraries_that_are_tried_are_named() -> None:
    text = page_with("`make libraries`").read_text("utf-8")
    (named,) = re.findall(r"^`make libraries` .*?: (.*?)\.(?: |$)", text, re.MULTILINE)

    assert named.split(", ") == [*LIBRARIES]


def test_the_extras_are_those_of_the_distribution() -> None:
    extras = PROJECT["optional-dependencies"].keys() - {"dev", "otlp-http"}

    assert first_cells("Install") == ["none", *(f"`{extra}`" for extra in extras_in_order(extras))]


def extras_in_order(extras: set[str]) -> list[str]:
    return [name for name in PROJECT["optional-dependencies"] if name in extras]


def test_the_settings_that_readme_names_are_settings() -> None:
    named = re.findall(r"`(\w+)`", " ".join(first_cells("Settings")))

    assert set(named) <= set(TelemetrySettings.__dataclass_fields__)
    assert set(named) <= BY_SETTING.keys()


def test_the_supported_versions_are_those_that_are_declared() -> None:
    needed = [
        Requirement(line)
        for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["cdk"])
    ]
    ranges = {one.name: one.specifier for one in needed}
    said = section("Supported versions")

    assert f"Python {', '.join(SUPPORTED_VERSIONS)}, on" in said
    assert f"Python `{PROJECT['requires-python']}`" in said
    for name, cell in (
        ("aws-cdk-lib", "aws-cdk-lib"),
        ("opentelemetry-api", "OpenTelemetry in .*"),
    ):
        (text,) = re.findall(rf"^\| {cell} \| `(.+)` \|$", said, re.MULTILINE)
        assert ranges[name] == Requirement(f"x{text}").specifier


def test_each_tool_that_is_compared_has_its_source() -> None:
    rows = re.findall(r"^\| (?!tool|---)(.+) \|$", section("Compared with others"), re.MULTILINE)

    assert [row for row in rows if "](https://" not in row.rpartition("| ")[2]] == [rows[0]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    text = page.read_text("utf-8")
    links = re.findall(r"""(?:\]\(|src="|srcset=")(?!\w+:|#)([^)"#]+)""", text)

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_can_be_reached_from_readme() -> None:
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in TEXT] == []


@pytest.mark.once
def test_the_site_has_each_page_and_each_public_name(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.reference", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )

    settings = (tmp_path / "guide/settings.html").read_text("utf-8")
    constructs = (tmp_path / "lambda_otel_lite_cdk.html").read_text("utf-8")
    guide = (tmp_path / "guide.html").read_text("utf-8")
    assert "<code>LAMBDA_OTEL_KEEP</code>" in settings
    assert "TelemetrySettings.log_correlation" in constructs
    assert 'id="OtlpForwarder"' in constructs
    assert 'href="guide/settings.html"' in guide
    assert f'src="{PROJECT["urls"]["Repository"]}/raw/main/constructs/demo/report.png"' in guide
    for page in tmp_path.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="(?!\w+:|[#$])([^"#]+)', page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
