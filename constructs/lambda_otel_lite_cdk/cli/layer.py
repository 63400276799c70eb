"""Build the telemetry layer for those who deploy it themselves."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from lambda_otel_lite_cdk.bundling import BundlingError, StagedCode, stage_layer
from lambda_otel_lite_cdk.cli.errors import UsageProblem

#: Zip archives hold times; one time for all keeps the archive's bytes the same. Zip begins in 1980.
_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


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
            _zip(staged.path, output)
        elif output.is_dir() and any(output.iterdir()):
            raise UsageProblem(f"{output} is not empty; give another folder, or a name.zip")
        else:
            shutil.copytree(staged.path, output, dirs_exist_ok=True)
    except OSError as error:
        raise UsageProblem(f"the layer cannot be written to {output}: {error}") from error
    return staged


def _zip(tree: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(path for path in tree.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = _READABLE
            target.writestr(member, path.read_bytes())
