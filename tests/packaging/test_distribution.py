"""What users install: one version, the right files, nothing else."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

import lambda_otel_lite

from .conftest import PACKAGES

#: The zero-code entry point is a module of its own.
MODULES = {"lambda_otel_lite_entry.py"}


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_version_is_that_of_the_code(wheel: Path) -> None:
    assert wheel.name == f"lambda_otel_lite_cdk-{lambda_otel_lite.__version__}-py3-none-any.whl"


def test_the_wheel_holds_every_file_of_the_packages(wheel_names: set[str]) -> None:
    sources = {
        path.relative_to(parent).as_posix()
        for package, parent in PACKAGES.items()
        for path in (parent / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {f"{package}/py.typed" for package in PACKAGES} <= sources
    assert sources <= wheel_names


def test_the_wheel_holds_nothing_but_the_packages_and_its_metadata(wheel_names: set[str]) -> None:
    metadata = f"lambda_otel_lite_cdk-{lambda_otel_lite.__version__}.dist-info"

    assert {name.split("/")[0] for name in wheel_names} == {*PACKAGES, *MODULES, metadata}
    assert f"{metadata}/licenses/LICENSE" in wheel_names


def test_the_sdist_holds_sources_tests_and_demo(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}

    assert "pyproject.toml" in names
    assert "tests/packaging/test_distribution.py" in names
    assert {f"{parent.name}/{package}/py.typed" for package, parent in PACKAGES.items()} <= names
