"""What is there of modules while OpenTelemetry is imported does what the modules themselves do."""

import dataclasses
import warnings
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, ClassVar

import pytest
import typing_extensions

from lambda_otel_lite_layer.stand_ins import dataclass, deprecated

BOTH = pytest.mark.parametrize("make", [dataclass, dataclasses.dataclass], ids=["ours", "theirs"])


@BOTH
def test_a_simple_dataclass_takes_its_fields_as_the_real_one_does(make: Any) -> None:
    class Point:
        x: int
        y: int

    point = make(Point)
    assert (point(1, 2).x, point(1, y=2).y, vars(point(y=2, x=1))) == (1, 2, {"y": 2, "x": 1})
    for wrong, named in ((), {}), ((1,), {}), ((1, 2, 3), {}), ((1, 2), {"x": 3}), ((1,), {"z": 2}):
        with pytest.raises(TypeError):
            point(*wrong, **named)


@BOTH
@pytest.mark.parametrize(
    "ask",
    [
        lambda point: repr(point(1, 2)).rpartition(".")[2],
        lambda point: (
            point(1, 2) == point(1, 2),
            point(1, 2) == point(2, 1),
            point(1, 2) == (1, 2),
        ),
        lambda point: [one.name for one in dataclasses.fields(point)],
        lambda point: dataclasses.asdict(point(1, 2)),
        lambda point: dataclasses.replace(point(1, 2), y=3).y,
        lambda point: point.__match_args__,
        dataclasses.is_dataclass,
        lambda point: point.__hash__,
        lambda point: dataclasses.fields(dataclasses.dataclass(type("Sub", (point,), {})))[0].name,
    ],
)
def test_it_is_a_real_one_when_somebody_looks(make: Any, ask: Callable[[Any], object]) -> None:
    assert ask(make(_point())) == ask(dataclasses.dataclass(_point()))


def _point() -> Any:
    class Point:
        x: int
        y: int

    return Point


def test_any_other_class_is_made_by_dataclasses_at_once() -> None:
    class Base:
        pass

    class Defaults:
        x: int = 1

    class Sub(Base):
        x: int

    class Later:
        x: "int"

    for other in (Defaults, Sub, Later):
        assert "__repr__" in vars(dataclass(other))
        assert type(vars(other)["__repr__"]) is type(lambda: None)
    assert dataclass(frozen=True)(Defaults).__hash__ is not None


@pytest.mark.parametrize("make", [deprecated, typing_extensions.deprecated], ids=["ours", "theirs"])
class TestDeprecated:
    """Each as typing_extensions has it."""

    def test_a_function_works_and_warns(self, make: Any) -> None:
        @make("no more")  # type: ignore[untyped-decorator]
        def double(x: int) -> int:
            """Twice."""
            return 2 * x

        with pytest.warns(DeprecationWarning, match="no more") as seen:
            assert double(2) == 4
        assert seen[0].filename == __file__
        assert (double.__deprecated__, double.__name__, double.__doc__) == (
            "no more",
            "double",
            "Twice.",
        )

    def test_a_coroutine_stays_one(self, make: Any) -> None:
        @make("no more")  # type: ignore[untyped-decorator]
        async def wait() -> None:
            pass

        assert iscoroutinefunction(wait)

    def test_a_class_warns_when_it_is_made_or_derived_from(self, make: Any) -> None:
        @make("no more")
        class Old:
            def __init__(self, x: int) -> None:
                self.x = x

        with pytest.warns(DeprecationWarning, match="no more"):
            assert Old(3).x == 3
        with pytest.warns(DeprecationWarning, match="no more"):

            class New(Old):
                pass

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert New(4).x == 4

    def test_what_a_class_does_for_those_that_derive_from_it_is_still_done(self, make: Any) -> None:
        @make("no more")
        class Old:
            derived: ClassVar[list[str]] = []

            def __new__(cls, *_: object) -> Any:
                made: Any = super().__new__(cls)
                made.tag = "made"
                return made

            def __init_subclass__(cls, *, tag: str) -> None:
                cls.derived.append(tag)

        with pytest.warns(DeprecationWarning, match="no more"):

            class New(Old, tag="new"):
                pass

        assert Old.derived == ["new"]
        assert vars(New(1))["tag"] == "made"

    def test_a_category_of_its_own(self, make: Any) -> None:
        @make("soon", category=FutureWarning)  # type: ignore[untyped-decorator]
        def old() -> int:
            return 1

        with pytest.warns(FutureWarning, match="soon"):
            assert old() == 1
