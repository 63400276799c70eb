from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambda_otel_lite_cdk.errors import BundlingError
from lambda_otel_lite_cdk.layer.contents import prune, refuse_machine_code, split

if TYPE_CHECKING:
    from pathlib import Path

INCUBATING = "opentelemetry/semconv/_incubating"


def _install(site: Path, tree: dict[str, str]) -> None:
    for name, text in tree.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _names(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_of_the_incubating_conventions_those_stay_that_something_else_imports(
    tmp_path: Path,
) -> None:
    package = "opentelemetry.semconv._incubating"
    needed = {
        f"{INCUBATING}/__init__.py": "",
        f"{INCUBATING}/attributes/__init__.py": "",
        f"{INCUBATING}/attributes/named.py": "",
        f"{INCUBATING}/attributes/parent.py": "",
        f"{INCUBATING}/attributes/plain.py": f"import {package}.attributes.chained\n",
        f"{INCUBATING}/attributes/chained.py": "",
        "opentelemetry/sdk/one.py": f"from {package}.attributes.named import SOME\n",
        "opentelemetry/sdk/two.py": f"def late():\n    from {package}.attributes import parent\n",
        "opentelemetry/sdk/three.py": f"import {package}.attributes.plain\n",
    }
    ring = f"from {package}.attributes.other import X\n"
    unused = {
        f"{INCUBATING}/attributes/unused.py": ring,
        f"{INCUBATING}/attributes/other.py": ring.replace("other", "unused"),
    }
    _install(tmp_path, needed | unused)

    prune(tmp_path)

    assert _names(tmp_path) == set(needed)


def test_a_licence_stays_once_and_different_ones_all(tmp_path: Path) -> None:
    texts = {"a": "Apache", "b": "Apache", "c": "PSF"}
    _install(tmp_path, {f"{n}.dist-info/licenses/LICENSE": text for n, text in texts.items()})

    prune(tmp_path)

    assert _names(tmp_path) == {"a.dist-info/licenses/LICENSE", "c.dist-info/licenses/LICENSE"}


def test_what_is_not_about_tracing_and_what_installers_leave_behind_goes(tmp_path: Path) -> None:
    gone = (
        "bin/tool",
        "opentelemetry/sdk/metrics/__init__.py",
        "opentelemetry/sdk/_logs/__init__.py",
        "opentelemetry/py.typed",
        "opentelemetry/sdk/_configuration/__init__.py",
        "opentelemetry/sdk/trace/tests/test_it.py",
        "opentelemetry/sdk/trace/__pycache__/it.pyc",
        "a.dist-info/RECORD",
    )
    kept = (
        "opentelemetry/_logs/__init__.py",
        "opentelemetry/metrics/__init__.py",
        "opentelemetry/sdk/trace/__init__.py",
        "a.dist-info/METADATA",
        "a.dist-info/entry_points.txt",
    )
    _install(tmp_path, dict.fromkeys((*gone, *kept), ""))

    prune(tmp_path)

    assert _names(tmp_path) == set(kept)


@pytest.mark.parametrize("name", ["wrapt/_wrappers.so", "wrapt/_wrappers.cp313-win_amd64.pyd"])
def test_machine_code_is_refused_with_the_fix(name: str, tmp_path: Path) -> None:
    _install(tmp_path, {"wrapt/__init__.py": "", name: ""})

    with pytest.raises(BundlingError, match=rf"must be pure Python.*{name}.*Remove its package"):
        refuse_machine_code(tmp_path)


def test_pure_python_is_not_refused(tmp_path: Path) -> None:
    _install(tmp_path, {"wrapt/__init__.py": "", "wrapt/notes.txt": ""})

    refuse_machine_code(tmp_path)


def test_api_and_sdk_leave_the_import_path_and_exporters_stay_on_it(tmp_path: Path) -> None:
    core = ("opentelemetry/trace/__init__.py", "opentelemetry/sdk/trace/__init__.py")
    others = (
        "opentelemetry/exporter/otlp.py",
        "opentelemetry/proto/pb2.py",
        "a.dist-info/METADATA",
    )
    _install(tmp_path / "site", dict.fromkeys((*core, *others), ""))

    split(tmp_path / "site", tmp_path)

    assert _names(tmp_path) == {*core, *(f"site/{name}" for name in others)}


def test_where_there_is_nothing_but_api_and_sdk_no_opentelemetry_is_on_the_path(
    tmp_path: Path,
) -> None:
    _install(tmp_path / "site", {"opentelemetry/trace.py": ""})

    split(tmp_path / "site", tmp_path)

    assert not (tmp_path / "site" / "opentelemetry").exists()
