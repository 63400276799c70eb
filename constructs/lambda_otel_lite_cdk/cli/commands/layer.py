"""Build the telemetry layer for those who deploy it themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.errors import BundlingError
from lambda_otel_lite_cdk.layer.build import StagedCode, stage_layer


def build_layer(python: str, package_for: str | None, output: Path) -> StagedCode:
    """Write the layer that the constructs would deploy.

    Args:
        python: Minor version such as ``"3.13"``.
        package_for: The architecture where the layer holds the package's exporter, else None.
        output: A file name that ends in ``.zip``, or a folder that is not there yet or empty.

    Raises:
        UsageProblem: Where the layer cannot be staged or written.
    """
    try:
        staged = stage_layer(python, package_for)
    except BundlingError as error:
        raise UsageProblem(str(error)) from error
    try:
        if output.suffix == ".zip":
            output.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(staged.path, output)
        elif output.is_dir() and any(output.iterdir()):
            raise UsageProblem(f"{output} is not empty; give another folder, or a name.zip")
        else:
            _unpack(staged.path, output)
    except OSError as error:
        raise UsageProblem(f"the layer cannot be written to {output}: {error}") from error
    return staged


def _unpack(archive: Path, folder: Path) -> None:
    shutil.unpack_archive(archive, folder)
    # For everybody to read, whatever the umask here: an image is given the folder as it is.
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
