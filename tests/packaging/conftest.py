"""The distribution under test: built from the working tree, or given."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "lambda_otel_lite": ROOT / "runtime",
    "lambda_otel_lite_layer": ROOT / "runtime",
    "otlp_forwarder": ROOT / "runtime",
    "lambda_otel_lite_cdk": ROOT / "constructs",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--built",
        type=Path,
        help="folder with the wheel and the sdist to test; default: they are built",
    )


@pytest.fixture(scope="session")
def dist(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, built from a copy so that no build leaves anything here."""
    built: Path | None = request.config.getoption("--built", None)
    if built:
        return built
    source = tmp_path_factory.mktemp("source")
    for name in ("runtime", "constructs", "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "cdk.out", "node_modules")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation")
    subprocess.run([*build, "--outdir", str(target), str(source)], check=True, capture_output=True)
    return target


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    (path,) = dist.glob("*.tar.gz")
    return path
