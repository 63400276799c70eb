"""Modules that are imported at their first use, by those alone who were told so."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from lambda_otel_lite.startup.lazy_import import imported_later


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
    with imported_later(rare):
        careless = import_module("careless")
    assert rare not in sys.modules

    assert careless.ask() == 42
    assert vars(sys.modules[rare])["answer"] == 42


def test_whoever_imports_it_afterwards_gets_the_module_itself(rare: str) -> None:
    with imported_later(rare):
        careless = import_module("careless")
    real = import_module(rare)

    vars(real)["answer"] = 43
    assert careless.ask() == 43
    assert type(real) is type(sys)


def test_what_needs_it_at_once_gets_it_at_once(rare: str) -> None:
    with imported_later(rare):
        eager = import_module("eager")
        assert type(sys.modules[rare]) is type(sys)

    assert eager.Made.__mro__[1] is sys.modules[rare].Base


def test_a_module_that_is_there_already_stays(rare: str) -> None:
    real = import_module(rare)
    with imported_later(rare):
        assert sys.modules[rare] is real
    assert sys.modules[rare] is real


def test_nothing_is_left_behind_where_an_import_fails(rare: str) -> None:
    with pytest.raises(ImportError), imported_later(rare):
        import_module("no_such_module")
    assert rare not in sys.modules


def test_what_a_module_does_not_have_is_an_attribute_error_as_ever(rare: str) -> None:
    with imported_later(rare):
        careless = import_module("careless")
    with pytest.raises(AttributeError, match="module 'rare' has no attribute 'question'"):
        _ = careless.rare.question


_AFTER_THE_ENTRY_POINT = """
import sys
sys.modules["app"] = sys  # a module with something that can be called
import lambda_otel_lite.autowrap
from lambda_otel_lite.autowrap import _NOT_NEEDED
left = [name for name in _NOT_NEEDED if type(sys.modules.get(name, sys)) is not type(sys)]
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
