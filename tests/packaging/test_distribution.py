"""What users install: one version, the right files, nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import lambda_otel_lite

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "lambda_otel_lite": ROOT / "runtime",
    "otlp_forwarder": ROOT / "runtime",
    "lambda_otel_lite_cdk": ROOT / "constructs",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and sdist, built from a copy so that no build leaves anything in the clone."""
    source = tmp_path_factory.mktemp("source")
    for name in ("runtime", "constructs", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "cdk.out", "node_modules")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation")
    subprocess.run([*build, "--outdir", str(target), str(source)], check=True, capture_output=True)
    return target


@pytest.fixture(scope="module")
def wheel_names(dist: Path) -> set[str]:
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


def test_the_version_is_the_same_everywhere() -> None:
    assert lambda_otel_lite.__version__ == PROJECT["version"]


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
    metadata = f"lambda_otel_lite-{PROJECT['version']}.dist-info"

    assert {name.split("/")[0] for name in wheel_names} == {*PACKAGES, metadata}
    assert f"{metadata}/licenses/LICENSE" in wheel_names


def test_the_sdist_holds_sources_tests_and_demo(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames()}

    assert "pyproject.toml" in names
    assert "tests/packaging/test_distribution.py" in names
    assert {f"{parent.name}/{package}/py.typed" for package, parent in PACKAGES.items()} <= names
