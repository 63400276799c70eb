from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lambda_otel_lite_cdk.cli.main import main
from lambda_otel_lite_cdk.layer.build import stage_layer

from .conftest import PYTHON, files


def build(output: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["layer", "--python", PYTHON, "-o", str(output), *options])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_holds_what_the_constructs_would_deploy(tmp_path: Path) -> None:
    done = build(tmp_path / "opt")
    assert done.exit_code == 0, done.output
    staged = stage_layer(PYTHON)
    assert contents(tmp_path / "opt") == files(staged)
    assert staged.asset_hash in done.output


def test_hazard_38_an_archive_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one.zip", "deeper/two.zip"):
        assert build(tmp_path / name).exit_code == 0
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "deeper/two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(files(stage_layer(PYTHON)))
        assert {member.external_attr >> 16 for member in archive.infolist()} == {0o100644}


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_the_packages_exporter_is_built_for_its_architecture(
    tmp_path: Path, architecture: str, machine: str
) -> None:
    options = ("--exporter", "package", "--architecture", architecture)
    assert build(tmp_path / "opt", *options).exit_code == 0
    names = contents(tmp_path / "opt")
    assert "lambda-otel-lite/site/otlp_stdout_span_exporter/__init__.py" in names
    compiled = [content for name, content in names.items() if name.endswith(".so")]
    # The machine that an ELF file is for. Source: elf(5), e_machine.
    numbers = {int.from_bytes(content[18:20], "little") for content in compiled}
    assert numbers == {{"x86_64": 62, "aarch64": 183}[machine]}


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = build(tmp_path)
    assert done.exit_code == 2
    assert "is not empty; give another folder, or a name.zip" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_unsupported_python_is_named_with_the_supported_ones(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["layer", "--python", "3.9", "-o", str(tmp_path / "x")])
    assert done.exit_code == 2
    assert "'3.9' is not one of '3.12', '3.13', '3.14'" in done.output
