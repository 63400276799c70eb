"""``lambda-otel layer``: build the telemetry layer for those who deploy it themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.errors import BundlingError
from lambda_otel_lite_cdk.layer.build import StagedCode, stage_layer
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS


@click.command()
@click.option(
    "--python",
    required=True,
    type=click.Choice(SUPPORTED_VERSIONS),
    help="Python version of the functions.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write, or a zip file if it ends in .zip.",
)
@click.option(
    "--exporter",
    type=click.Choice(["native", "package"]),
    default="native",
    help="What writes the log records; package: otlp-stdout-span-exporter. Default: native.",
)
@click.option(
    "--architecture",
    type=click.Choice(["x86_64", "arm64"]),
    default="x86_64",
    help="The functions' architecture; matters with --exporter package only. Default: x86_64.",
)
def layer(python: str, output: Path, exporter: str, architecture: str) -> None:
    """Build the telemetry layer, for Terraform, SAM and container images.

    The layer has the same bytes wherever it is built. It serves both architectures, unless it
    holds the exporter of otlp-stdout-span-exporter.
    """
    staged = _stage(python, architecture if exporter == "package" else None)
    try:
        _write(staged.path, output)
    except OSError as error:
        raise UsageProblem(
            f"the layer cannot be written to {output} ({error}); give another path"
        ) from error
    click.echo(f"{output} {staged.asset_hash}")
    if not staged.compiled:
        click.echo(
            f"The layer holds no byte code, because this machine has no Python {python}: every "
            f"cold start compiles it again. Install Python {python} and build the layer again.",
            err=True,
        )


def _stage(python: str, package_for: str | None) -> StagedCode:
    try:
        return stage_layer(python, package_for)
    except BundlingError as error:
        raise UsageProblem(str(error)) from error


def _write(archive: Path, output: Path) -> None:
    if output.suffix == ".zip":
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive, output)
        return
    if output.is_dir() and any(output.iterdir()):
        raise UsageProblem(f"{output} is not empty; give another folder, or a name.zip")
    shutil.unpack_archive(archive, output)
    # Readable by everybody, whatever the umask here: a container image gets the folder as it is.
    for path in (output, *output.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
