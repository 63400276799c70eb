"""One OpenTelemetry in a process: the function's own if it is whole, else the layer's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

RUNTIME = Path(__file__).parents[2] / "runtime"

#: Prints what was chosen and from where modules come then.
_CHOOSE = """
import json, sys
import_path, layer, stand_in, before, after, asked, tell_searched = json.loads(sys.argv[1])
sys.path[:0] = import_path
for name in before:
    __import__(name)
from lambda_otel_lite_layer.choice import choose
choice = choose(layer, stand_in)
sys.path[:0] = after
found = {}
for name in asked:
    try:
        found[name] = __import__(name, fromlist=["x"]).FROM
    except ImportError as error:
        found[name] = type(error).__name__
chosen = {name: getattr(choice, name) for name in ("usable", "from_layer", "warning")}
searched = "lambda_otel_lite_layer.versions" in sys.modules
print(json.dumps({**chosen, **found, **({"searched": searched} if tell_searched else {})}))
"""


def packages(folder: Path, name: str, **versions: str) -> Path:
    """Make a folder with some of the core packages; each module says whose it is."""
    modules = {
        "api": ("", ["trace", "context", "metrics", "environment_variables", "util/types"]),
        "sdk": ("sdk/", ["trace", "resources", "metrics"]),
        "semconv": ("semconv/", ["resource"]),
    }
    for part, version in versions.items():
        inside, below = modules[part]
        texts = {f"{inside}{module}.py": f"FROM = {name!r}\n" for module in below}
        texts[f"{inside}version/__init__.py"] = f"__version__ = {version!r}\n"
        write(folder, {f"opentelemetry/{path}": text for path, text in texts.items()})
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer with all of the newest release."""
    made = packages(tmp_path / "opt", "layer", api="1.45.2", sdk="1.45.2", semconv="0.66b2")
    (made / "opentelemetry/sdk/metrics.py").unlink()
    return made


def choose(  # noqa: PLR0913 - by name, and each test gives few
    layer: Path | None,
    *import_path: Path,
    asked: tuple[str, ...] = ("opentelemetry.trace", "opentelemetry.sdk.trace"),
    before: tuple[str, ...] = (),
    after: tuple[Path, ...] = (),
    stand_in: Path | None = None,
    searched: bool = False,
) -> dict[str, Any]:
    """Choose in a process of its own; return what was chosen and where modules come from."""
    arguments = [
        [*map(str, import_path), str(RUNTIME)],
        None if layer is None else str(layer / "opentelemetry"),
        None if stand_in is None else str(stand_in),
        before,
        [*map(str, after)],
        asked,
        searched,
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _CHOOSE, json.dumps(arguments)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_without_an_opentelemetry_in_the_code_it_is_the_layers(layer: Path) -> None:
    chosen = choose(layer)

    assert chosen == {
        "usable": True,
        "from_layer": True,
        "warning": None,
        "opentelemetry.trace": "layer",
        "opentelemetry.sdk.trace": "layer",
    }


@pytest.mark.parametrize(
    "versions",
    [
        {"api": "1.45.2", "sdk": "1.45.2", "semconv": "0.66b2"},
        {"api": "1.33.0", "sdk": "1.33.0", "semconv": "0.54b0"},
        {"api": "1.33.1", "sdk": "1.33.1", "semconv": "0.54b1"},
        {"api": "1.22.0", "sdk": "1.22.0", "semconv": "0.43b0"},
        {"api": "1.60.0", "sdk": "1.60.0", "semconv": "0.81b0"},
        {"api": "1.46.0.dev", "sdk": "1.46.0.dev", "semconv": "0.67b0.dev"},
        {"api": "2.0.0", "sdk": "2.0.0", "semconv": "1.44.0"},
    ],
    ids=lambda versions: versions["sdk"],
)
def test_a_whole_set_in_the_code_is_used_as_it_is(
    versions: dict[str, str], layer: Path, tmp_path: Path
) -> None:
    task = packages(tmp_path / "task", "task", **versions)

    chosen = choose(layer, task)

    assert (chosen["usable"], chosen["from_layer"], chosen["warning"]) == (True, False, None)
    assert (chosen["opentelemetry.trace"], chosen["opentelemetry.sdk.trace"]) == ("task", "task")


@pytest.mark.parametrize("api", ["1.22.0", "1.27.0", "1.33.0", "1.40.0", "1.45.2"])
def test_the_api_alone_is_replaced_without_a_word(api: str, layer: Path, tmp_path: Path) -> None:
    """Libraries install it so, and any SDK that would be added belongs to another release."""
    task = packages(tmp_path / "task", "task", api=api)

    chosen = choose(layer, task)

    assert (chosen["from_layer"], chosen["warning"]) == (True, None)
    assert (chosen["opentelemetry.trace"], chosen["opentelemetry.sdk.trace"]) == ("layer", "layer")


def test_an_api_that_is_newer_than_the_layers_is_one_warning(layer: Path, tmp_path: Path) -> None:
    chosen = choose(layer, packages(tmp_path / "task", "task", api="1.50.0"))

    assert chosen["opentelemetry.trace"] == "layer"
    assert "opentelemetry-api 1.50.0, but that is newer than the layer's" in chosen["warning"]
    assert "Install opentelemetry-sdk==1.50.0 with the function's code" in chosen["warning"]


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"api": "1.40.0", "sdk": "1.37.0", "semconv": "0.58b0"}, "do not belong together"),
        ({"api": "1.37.0", "sdk": "1.37.0", "semconv": "0.61b0"}, "do not belong together"),
        ({"api": "1.37.1", "sdk": "1.37.0", "semconv": "0.58b0"}, "do not belong together"),
        ({"api": "1.40.0", "sdk": "1.40.0"}, "opentelemetry-semantic-conventions is missing"),
    ],
)
def test_a_set_that_is_none_is_replaced_and_one_warning_says_so(
    versions: dict[str, str], said: str, layer: Path, tmp_path: Path
) -> None:
    chosen = choose(layer, packages(tmp_path / "task", "task", **versions))

    assert (chosen["opentelemetry.trace"], chosen["opentelemetry.sdk.trace"]) == ("layer", "layer")
    assert f"opentelemetry-sdk {versions['sdk']}" in chosen["warning"]
    assert said in chosen["warning"]
    assert "the layer's opentelemetry-api 1.45.2" in chosen["warning"]
    assert "Install opentelemetry-sdk" in chosen["warning"]


@pytest.mark.parametrize(
    ("versions", "said", "advice"),
    [
        ({"api": "1.40.0", "sdk": "1.27.0", "semconv": "0.48b0"}, "do not belong", "==1.40.0"),
        ({"api": "1.21.0", "sdk": "1.21.0", "semconv": "0.42b0"}, "at least 1.22", ">=1.33"),
        ({"api": "0.17b0", "sdk": "0.17b0", "semconv": "0.17b0"}, "do not belong", ">=1.33"),
    ],
)
def test_an_sdk_that_is_too_old_to_be_replaced_is_left_alone(
    versions: dict[str, str], said: str, advice: str, layer: Path, tmp_path: Path
) -> None:
    """Code may use any part of it, and parts have changed."""
    chosen = choose(layer, packages(tmp_path / "task", "task", **versions))

    assert not chosen["usable"]
    assert (chosen["opentelemetry.trace"], chosen["opentelemetry.sdk.trace"]) == ("task", "task")
    assert f"opentelemetry-sdk {versions['sdk']}" in chosen["warning"]
    assert said in chosen["warning"]
    assert f"Install opentelemetry-sdk{advice} with the function's code" in chosen["warning"]


@pytest.mark.parametrize("lost", ["trace.py", "sdk/trace.py", "sdk/resources.py", "context.py"])
def test_a_set_of_which_a_part_is_missing_is_none(lost: str, layer: Path, tmp_path: Path) -> None:
    task = packages(tmp_path / "task", "task", api="1.40.0", sdk="1.40.0", semconv="0.61b0")
    (task / "opentelemetry" / lost).unlink()

    assert choose(layer, task)["opentelemetry.sdk.trace"] == "layer"


def test_a_version_module_that_cannot_be_run_is_no_version(layer: Path, tmp_path: Path) -> None:
    task = packages(tmp_path / "task", "task", api="1.40.0", sdk="1.40.0", semconv="0.61b0")
    (task / "opentelemetry/sdk/version/__init__.py").write_text("<<<<<<< ours\n")

    assert choose(layer, task)["opentelemetry.sdk.trace"] == "layer"


def test_a_set_may_come_from_two_folders(layer: Path, tmp_path: Path) -> None:
    """The function's code holds the API, and another layer the SDK of the same release."""
    task = packages(tmp_path / "task", "task", api="1.40.0")
    other = packages(tmp_path / "other", "other", sdk="1.40.0", semconv="0.61b0")

    chosen = choose(layer, task, other)

    assert (chosen["opentelemetry.trace"], chosen["opentelemetry.sdk.trace"]) == ("task", "other")


@pytest.mark.parametrize("order", ["API first", "SDK first"])
def test_of_two_folders_that_do_not_go_together_the_whole_one_is_used(
    order: str, layer: Path, tmp_path: Path
) -> None:
    """All of its SDK goes with its code; the layer holds the tracing half."""
    task = packages(tmp_path / "task", "task", api="1.33.0")
    write(task, {"opentelemetry/instrumentation.py": "FROM = 'task'\n"})
    other = packages(tmp_path / "other", "other", api="1.40.0", sdk="1.40.0", semconv="0.61b0")
    asked = ("trace", "sdk.trace", "sdk.metrics", "instrumentation")

    path = (task, other) if order == "API first" else (other, task)
    chosen = choose(layer, *path, asked=tuple(f"opentelemetry.{name}" for name in asked))

    assert (chosen["usable"], chosen["from_layer"]) == (True, False)
    whose = [chosen[f"opentelemetry.{name}"] for name in asked]
    assert whose == ["other", "other", "other", "task"]
    if order == "API first":
        assert "opentelemetry-api 1.33.0, opentelemetry-sdk 1.40.0" in chosen["warning"]
        assert "opentelemetry-api 1.40.0, opentelemetry-sdk 1.40.0" in chosen["warning"]
        assert f"of {other / 'opentelemetry'} are used" in chosen["warning"]


def test_old_releases_hold_their_version_in_a_plain_module(layer: Path, tmp_path: Path) -> None:
    task = packages(tmp_path / "task", "task", api="1.22.0", sdk="1.22.0", semconv="0.43b0")
    for part in ("", "sdk/", "semconv/"):
        module = task / "opentelemetry" / part / "version"
        (module / "__init__.py").rename(module.with_suffix(".py"))
        module.rmdir()

    assert choose(layer, task)["opentelemetry.sdk.trace"] == "task"


def test_a_set_in_a_zip_file_on_the_path_counts(layer: Path, tmp_path: Path) -> None:
    task = packages(tmp_path / "task", "zip", api="1.40.0", sdk="1.40.0", semconv="0.61b0")
    archive = tmp_path / "vendor.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in sorted(task.rglob("*")):
            target.write(path, path.relative_to(task))

    assert choose(layer, archive)["opentelemetry.sdk.trace"] == "zip"


@pytest.mark.parametrize(
    ("versions", "whose"),
    [
        ({"api": "1.40.0", "sdk": "1.40.0", "semconv": "0.61b0"}, "task"),
        ({"api": "1.40.0"}, "layer"),
    ],
)
def test_an_init_module_of_the_bundles_own_changes_nothing(
    versions: dict[str, str], whose: str, layer: Path, tmp_path: Path
) -> None:
    """Tools that vendor packages write one into each folder; Python then looks no further."""
    task = packages(tmp_path / "task", "task", **versions)
    write(task, {"opentelemetry/__init__.py": "", "opentelemetry/exporter.py": "FROM = 'task'\n"})
    other = packages(tmp_path / "other", "other", api="1.22.0")

    chosen = choose(layer, task, other, asked=("opentelemetry.trace", "opentelemetry.exporter"))

    assert (chosen["opentelemetry.trace"], chosen["opentelemetry.exporter"]) == (whose, "task")


def test_what_is_no_core_package_is_found_in_the_code_in_either_case(
    layer: Path, tmp_path: Path
) -> None:
    task = packages(tmp_path / "task", "task", api="1.40.0")
    names = ("instrumentation.requests", "exporter.otlp", "propagators.b3", "sdk.extension.aws")
    modules = {f"opentelemetry/{name.replace('.', '/')}.py": "FROM = 'task'\n" for name in names}
    write(task, modules)

    chosen = choose(layer, task, asked=tuple(f"opentelemetry.{name}" for name in names))

    assert chosen["from_layer"]
    assert [chosen[f"opentelemetry.{name}"] for name in names] == ["task"] * 4


def test_what_the_layer_left_out_of_the_sdk_is_found_in_the_code(
    layer: Path, tmp_path: Path
) -> None:
    task = packages(tmp_path / "task", "task", api="1.45.2", sdk="1.45.2")

    chosen = choose(layer, task, asked=("opentelemetry.metrics", "opentelemetry.sdk.metrics"))

    assert (chosen["opentelemetry.metrics"], chosen["opentelemetry.sdk.metrics"]) == (
        "layer",
        "task",
    )


def test_the_layers_own_init_module_alone_is_no_opentelemetry_of_the_code(
    layer: Path, tmp_path: Path
) -> None:
    """So that most functions are spared the search for versions."""
    opt = tmp_path / "opt-python"
    write(opt, {"opentelemetry/__init__.py": "", "opentelemetry/__pycache__/__init__.pyc": ""})

    chosen = choose(layer, opt, stand_in=opt, asked=("opentelemetry.trace",), searched=True)

    assert chosen["opentelemetry.trace"] == "layer"
    assert not chosen["searched"]


def test_code_that_unpacks_its_packages_later_finds_them(layer: Path, tmp_path: Path) -> None:
    """As serverless-python-requirements does with ``zip: true``."""
    later = tmp_path / "later"
    write(later, {"opentelemetry/instrumentation/requests.py": "FROM = 'later'\n"})
    asked = ("opentelemetry.instrumentation.requests", "opentelemetry.trace")

    chosen = choose(layer, after=(later,), asked=asked)

    assert [chosen[name] for name in asked] == ["later", "layer"]


def test_names_that_the_layers_api_no_longer_has_are_lent(layer: Path, tmp_path: Path) -> None:
    """Releases of pydantic-ai that go with older APIs import such."""
    task = packages(tmp_path / "task", "task", api="1.36.0")
    variables = task / "opentelemetry/environment_variables.py"
    variables.write_text("OTEL_PROPAGATORS = 'P'\n_OTEL_PYTHON_EVENT_LOGGER_PROVIDER = 'E'\n")
    events = (
        "from opentelemetry.environment_variables import FROM as whose\n"
        "from opentelemetry.environment_variables import _OTEL_PYTHON_EVENT_LOGGER_PROVIDER\n"
        "FROM = f'{whose} {_OTEL_PYTHON_EVENT_LOGGER_PROVIDER}'\n"
    )
    asked = ("opentelemetry._events", "opentelemetry._nothing")
    write(
        task,
        {
            "opentelemetry/_events.py": events,
            "opentelemetry/_nothing.py": events.replace("_EVENT_LOGGER", "_NO"),
        },
    )

    chosen = choose(layer, task, asked=asked)

    assert [chosen[name] for name in asked] == ["layer E", "ImportError"]


def test_constants_that_the_layer_left_out_are_those_of_the_code(
    layer: Path, tmp_path: Path
) -> None:
    """An instrumentation is of the release that its conventions are of."""
    task = packages(tmp_path / "task", "task", api="1.40.0", semconv="0.61b0")
    for folder, whose in ((layer, "layer"), (task, "task")):
        for package in ("", "attributes/", "metrics/", "_incubating/", "_incubating/attributes/"):
            write(folder, {f"opentelemetry/semconv/{package}__init__.py": ""})
        write(folder, {"opentelemetry/semconv/_incubating/metrics/__init__.py": ""})
        both = "opentelemetry/semconv/_incubating/attributes/otel_attributes.py"
        write(folder, {both: f"FROM = {whose!r}\n"})
    shutil.copy(task / both, (task / both).with_name("db_attributes.py"))
    asked = tuple(
        f"opentelemetry.semconv._incubating.attributes.{name}_attributes" for name in ("otel", "db")
    )

    chosen = choose(layer, task, asked=asked)

    assert [chosen[name] for name in asked] == ["layer", "task"]


@pytest.mark.parametrize(
    ("versions", "usable"),
    [
        ({"api": "1.40.0", "sdk": "1.40.0", "semconv": "0.61b0"}, True),
        ({"api": "1.40.0"}, False),
    ],
)
def test_what_was_imported_before_is_never_mixed_with_the_layers(
    *, versions: dict[str, str], usable: bool, layer: Path, tmp_path: Path
) -> None:
    """A wrapper script of another layer has run."""
    task = packages(tmp_path / "task", "task", **versions)

    chosen = choose(layer, task, before=("opentelemetry.trace",))

    assert (chosen["usable"], chosen["from_layer"]) == (usable, False)
    assert chosen["opentelemetry.trace"] == "task"
    if not usable:
        assert chosen["opentelemetry.sdk.trace"] == "ModuleNotFoundError"
        assert "opentelemetry-api 1.40.0" in chosen["warning"]
        assert "opentelemetry.trace were imported before" in chosen["warning"]


@pytest.mark.parametrize(
    ("versions", "usable"),
    [
        ({"api": "1.40.0", "sdk": "1.40.0", "semconv": "0.61b0"}, True),
        ({"api": "1.40.0", "sdk": "1.27.0", "semconv": "0.48b0"}, False),
        ({"api": "1.40.0"}, False),
        ({}, False),
    ],
)
def test_without_a_layer_there_is_what_is_installed(
    *, versions: dict[str, str], usable: bool, tmp_path: Path
) -> None:
    """The runtime is a package of an image; what is missing is said, and the function runs."""
    task = packages(tmp_path / "task", "task", **versions)

    chosen = choose(None, task)

    assert chosen["usable"] is usable
    if not usable:
        assert chosen["warning"].startswith("the function runs without tracing: its code holds ")
        assert "Install opentelemetry-sdk" in chosen["warning"]


@pytest.mark.parametrize(
    ("versions", "whose"),
    [
        ({"api": "1.40.0", "sdk": "1.40.0", "semconv": "0.61b0"}, "task"),
        ({"api": "1.20.0", "sdk": "1.20.0", "semconv": "0.41b0"}, "task"),
        ({"api": "1.40.0"}, "layer"),
        ({}, "layer"),
    ],
)
@pytest.mark.parametrize("order", ["task first", "task last"])
def test_the_layers_own_init_module_on_the_path_is_looked_through(
    order: str, versions: dict[str, str], whose: str, layer: Path, tmp_path: Path
) -> None:
    """It would hide every namespace package of the name; other layers lie in the same folder."""
    opt = tmp_path / "opt-python"
    write(opt, {"opentelemetry/__init__.py": "raise SystemExit('the layer is not asked again')\n"})
    write(opt, {"opentelemetry/exporter.py": "FROM = 'another layer'\n"})
    task = packages(tmp_path / "task", "task", **versions)
    path = (task, opt) if order == "task first" else (opt, task)
    asked = ("opentelemetry.trace", "opentelemetry.exporter")

    chosen = choose(layer, *path, stand_in=opt, asked=asked)

    assert [chosen[name] for name in asked] == [whose, "another layer"]
