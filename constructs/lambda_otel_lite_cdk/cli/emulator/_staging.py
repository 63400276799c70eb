"""Lay out a function's code and layers as Lambda does: ``/var/task`` and ``/opt``.

A folder of the assembly is used in place, so that a layer's byte code is used as it would be when
deployed. Nothing is ever written into the assembly.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.cli.errors import UsageProblem

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction

#: Folders of a layer that Python imports from, the telemetry layer's own among them.
_IMPORTED = {"python", "lambda-otel-lite"}


@dataclass(frozen=True, slots=True)
class Staged:
    """Hold where a function's files are on this machine.

    Args:
        task_root: What Lambda has at ``/var/task``.
        layers_root: What Lambda has at ``/opt``, or None if there are no layers.
    """

    task_root: Path
    layers_root: Path | None

    def layer_paths(self, runtime: str) -> list[Path]:
        """Return the layers' import folders in the order in which Lambda searches them.

        Source: AWS Lambda developer guide, "Packaging layers", "Layer paths for each runtime".

        Args:
            runtime: Lambda's identifier, such as ``"python3.13"``.
        """
        if self.layers_root is None:
            return []
        python = self.layers_root / "python"
        return [python / "lib" / runtime / "site-packages", python]

    def note(self) -> str | None:
        """Return what differs from Lambda about the layers, for the user to read, or None."""
        if self.layers_root is None:
            return None
        others = sorted({path.name for path in self.layers_root.iterdir()} - _IMPORTED)
        if not others:
            return None
        return (
            f"the layers hold {', '.join(others)} beside python: these are in {self.layers_root}, "
            f"not at /opt; PATH and LD_LIBRARY_PATH name it, extensions are not started"
        )


def stage(function: TemplateFunction, scratch: Path, layers: Sequence[Path] = ()) -> Staged:
    """Return where a function's code and layers are; unpack or merge them if needed.

    Args:
        function: The function of the assembly.
        scratch: An empty folder that is there as long as the function runs.
        layers: Folders or zip files for the layers that are not in the assembly, in their order.
            Default: none.

    Raises:
        UsageProblem: Code or a layer is not in the assembly and was not given.
    """
    missing = function.unresolved_layers
    if len(layers) != len(missing):
        named = ", ".join(str(layer) for layer in missing) or "none"
        raise UsageProblem(
            f"function {function.path} uses {len(missing)} layer(s) that are not in the assembly "
            f"({named}) and {len(layers)} were given; give a folder or zip file for each, in this "
            f"order, with --layer PATH (`aws lambda get-layer-version-by-arn` says where to "
            f"download one)"
        )
    given = iter(layers)
    found = [layer or next(given) for layer in function.layers]
    return Staged(_stage_code(function, scratch), _stage_layers(found, scratch))


def _stage_code(function: TemplateFunction, scratch: Path) -> Path:
    if function.inline_code is not None:
        task = scratch / "task"
        task.mkdir()
        (task / "index.py").write_text(function.inline_code, encoding="utf-8")
        return task
    if function.code is None:
        raise UsageProblem(
            f"the code of function {function.path} is not in the assembly; "
            f"give its folder with --source"
        )
    return _folder(function.code, scratch / "task")


def _stage_layers(layers: list[Path], scratch: Path) -> Path | None:
    folders = [_folder(layer, scratch / f"layer-{number}") for number, layer in enumerate(layers)]
    if len(folders) < 2:  # noqa: PLR2004 - nothing to merge
        return folders[0] if folders else None
    merged = scratch / "opt"
    for folder in folders:
        # Lambda merges the layers in order, file by file; the later one wins.
        shutil.copytree(folder, merged, copy_function=_link, dirs_exist_ok=True)
    return merged


def _link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        # Another file system.
        shutil.copy2(source, target)


def _folder(asset: Path, target: Path) -> Path:
    if asset.is_dir():
        return asset
    try:
        with zipfile.ZipFile(asset) as archive:
            archive.extractall(target)
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageProblem(
            f"{asset} is neither a folder nor a zip file ({error}); run `cdk synth` again, or "
            f"give another path"
        ) from error
    return target
