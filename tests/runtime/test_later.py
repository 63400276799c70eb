"""Modules that are imported at their first use, by those alone who were told so."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from lambda_otel_lite_layer.lazy_import import imported_later, real


@pytest.fixture
def rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a module that says when it is imported, and one that imports it and does not use it."""
    (tmp_path / "rare.py").write_text("answer = 42\nclass Base: pass\n")
    (tmp_path / "careless.py").write_text("import rare\ndef ask(): return rare.answer\n")
    (tmp_path / "eager.py").write_text("from rare import Base\nclass Made(Base): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "rare"
    for name in ("rare", "careless", "eager"):
        sys.modules.pop(name, None)


def test_a_module_is_imported_when_it_is_first_used(rare: str) -> None:
    with imported_later({rare: {}}):
        careless = import_module("careless")
    assert rare not in sys.modules

    assert careless.ask() == 42
    assert vars(sys.modules[rare])["answer"] == 42


def test_whoever_imports_it_afterwards_gets_the_module_itself(rare: str) -> None:
    with imported_later({rare: {}}):
        careless = import_module("careless")
    real = import_module(rare)

    vars(real)["answer"] = 43
    assert careless.ask() == 43
    assert type(real) is type(sys)


def test_what_needs_it_at_once_gets_it_at_once(rare: str) -> None:
    with imported_later({rare: {}}):
        eager = import_module("eager")
        assert type(sys.modules[rare]) is type(sys)

    assert eager.Made.__mro__[1] is sys.modules[rare].Base


def test_a_module_that_is_there_already_stays(rare: str) -> None:
    real = import_module(rare)
    with imported_later({rare: {}}):
        assert sys.modules[rare] is real
    assert sys.modules[rare] is real


def test_nothing_is_left_behind_where_an_import_fails(rare: str) -> None:
    with pytest.raises(ImportError), imported_later({rare: {}}):
        import_module("no_such_module")
    assert rare not in sys.modules


def test_what_a_module_does_not_have_is_an_attribute_error_as_ever(rare: str) -> None:
    with imported_later({rare: {}}):
        careless = import_module("careless")
    with pytest.raises(AttributeError, match="module 'rare' has no attribute 'question'"):
        _ = careless.rare.question


def test_a_stand_in_has_names_of_its_own_until_the_import_is_over(rare: str) -> None:
    with imported_later({rare: {"answer": 41, "Base": object}}):
        careless, eager = import_module("careless"), import_module("eager")
        assert careless.ask() == 41
        assert rare not in vars(careless.rare)
    assert eager.Made.__mro__[1] is object

    assert rare not in sys.modules
    assert careless.ask() == 42


def test_what_a_stand_in_does_not_have_ends_nothing(rare: str) -> None:
    with imported_later({rare: {"answer": 41}}):
        eager = import_module("eager")
        assert real(rare) is sys.modules[rare]
    assert eager.Made.__mro__[1] is sys.modules[rare].Base


def test_a_module_in_a_package_that_is_not_needed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rarely").mkdir()
    (tmp_path / "rarely/__init__.py").touch()
    (tmp_path / "rarely/used.py").write_text("answer = 42\n")
    (tmp_path / "careless.py").write_text(
        "import rarely.used\nfrom rarely import used\n"
        "def ask(): return rarely.used.answer, used.answer"
    )
    monkeypatch.syspath_prepend(tmp_path)

    with imported_later({"rarely": {}, "rarely.used": {}}):
        careless = import_module("careless")
    assert "rarely" not in sys.modules

    assert careless.ask() == (42, 42)
    for name in ("rarely", "rarely.used", "careless"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "eager",
    [
        "import rarely.used\nfound = rarely.used.answer",
        "from rarely.used import answer as found",
        "from rarely import used\nfound = used.answer",
        "import rarely\nassert rarely.name\nimport rarely.used\nfound = rarely.used.answer",
    ],
)
def test_a_module_in_a_package_that_is_needed_at_once(
    eager: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rarely").mkdir()
    (tmp_path / "rarely/__init__.py").write_text("name = __name__\n")
    (tmp_path / "rarely/used.py").write_text("answer = 42\n")
    (tmp_path / "eager.py").write_text(eager)
    monkeypatch.syspath_prepend(tmp_path)

    try:
        with imported_later({"rarely": {}, "rarely.used": {}}):
            assert import_module("eager").found == 42
    finally:
        for name in ("rarely", "rarely.used", "eager"):
            sys.modules.pop(name, None)


def test_what_is_imported_after_all_meets_no_stand_in(
    rare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole.py").write_text("import rare\n")
    (tmp_path / "hasty.py").write_text("import whole\nassert whole.rare\nimport rare\n")
    monkeypatch.syspath_prepend(tmp_path)

    try:
        with imported_later({"whole": {}, rare: {}}):
            import_module("hasty")
        assert sys.modules["whole"].rare is sys.modules[rare]
        assert type(sys.modules[rare]) is type(sys)
    finally:
        for name in ("whole", "hasty"):
            sys.modules.pop(name, None)


def test_others_are_still_imported_later_when_one_is_imported_after_all(
    rare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "held").mkdir()
    (tmp_path / "held/__init__.py").touch()
    (tmp_path / "held/back.py").touch()
    (tmp_path / "hasty.py").write_text("import rare\nassert rare.answer\nimport held.back\n")
    monkeypatch.syspath_prepend(tmp_path)
    import_module("held")

    try:
        # A package of which a module has a stand-in has none itself, as opentelemetry.
        with imported_later({rare: {}, "held.back": {}}):
            import_module("hasty")
            assert sys.modules["held.back"].__spec__ is None
        assert "held.back" not in sys.modules
    finally:
        for name in ("held", "held.back", "hasty"):
            sys.modules.pop(name, None)


_AFTER_THE_ENTRY_POINT = """
import sys
sys.modules["app"] = sys  # a module with something that can be called
import lambda_otel_lite.autowrap
from lambda_otel_lite_layer.stand_ins import stand_ins
left = [one for one in stand_ins(of_layer=True) if type(sys.modules.get(one, sys)) is not type(sys)]
assert not left, left
import socket
from opentelemetry.sdk import resources
assert resources.socket is not socket, "the SDK imports it no longer, or somebody did before"
attributes = resources._HostResourceDetector().detect().attributes
assert attributes["host.name"] == socket.gethostname()
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
assert RandomIdGenerator().generate_trace_id()
from opentelemetry.sdk.util import ns_to_iso_str
assert ns_to_iso_str(0) == "1970-01-01T00:00:00.000000Z"
from opentelemetry import context, sdk
assert context.create_key("a") != context.create_key("a")
import dataclasses, opentelemetry.sdk.trace as trace
config, other = trace._TracerConfig(is_enabled=True), trace._TracerConfig(False)
assert (config, repr(other)) == (trace._TracerConfig.default(), "_TracerConfig(is_enabled=False)")
assert dataclasses.asdict(config) == {"is_enabled": True} and config != other
import opentelemetry.metrics, typing, warnings
assert trace.metrics_api.get_meter_provider() is opentelemetry.metrics.get_meter_provider()
kinds = typing.get_type_hints(trace.TracerProvider.__init__)["meter_provider"]
assert kinds.__args__[0].__value__ is opentelemetry.metrics.MeterProvider
processors = trace.ConcurrentMultiSpanProcessor(num_threads=1)
assert processors.force_flush()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    trace.util.BoundedDict(3), trace.InstrumentationInfo("a")
assert [one.category for one in seen] == [DeprecationWarning] * 2, seen
resource = resources.Resource.create({"a": "b"})
assert (resource.attributes["a"], resource.attributes["team"]) == ("b", "a b")
"""


@pytest.mark.newest
def test_the_sdk_does_all_that_it_can_do_after_the_entry_point_has_imported_it() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path = {sys.path}\n{_AFTER_THE_ENTRY_POINT}",
        ],
        env={
            "LAMBDA_OTEL_HANDLER": "app.getrefcount",
            "LAMBDA_OTEL_EXPORTER": "native",
            "OTEL_RESOURCE_ATTRIBUTES": "team=a%20b",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
