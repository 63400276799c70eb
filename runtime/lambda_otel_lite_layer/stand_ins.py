"""What API and SDK import and a traced function does not use.

By instructions it is half of the SDK's import: ``typing_extensions`` and ``dataclasses``, which
import ``inspect``, the API of metrics, conventions, thread pools, and what resource detectors need.
"""

import typing
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from os import urandom
from typing import Any

from lambda_otel_lite_layer.lazy_import import real

#: What typing_extensions has from typing itself on every Python that the runtime supports.
_OF_TYPING = ("Never", "ParamSpec", "Self", "TypeAlias", "TypeGuard", "assert_never", "override")
#: Asked of at once for nothing: what resource detectors, an id generator, exporting from several
#: threads and decorated coroutines need.
_UNUSED = (
    "asyncio",
    "concurrent",
    "concurrent.futures",
    "datetime",
    "inspect",
    "platform",
    "random",
    "socket",
    "subprocess",
    "urllib",
    "urllib.parse",
)
_METRICS = "opentelemetry.metrics"
_TRACER_METRICS = "opentelemetry.sdk.trace._tracer_metrics"

# An annotation that is evaluated when somebody asks for it.
type MeterProvider = real(_METRICS).MeterProvider  # type: ignore[valid-type]


def stand_ins(*, of_layer: bool) -> Mapping[str, Mapping[str, Any]]:
    """Return what a stand-in for each module has of its own.

    Args:
        of_layer: The SDK is the layer's, of which more is known than of others.
    """
    found: dict[str, Mapping[str, Any]] = {name: {} for name in _UNUSED}
    found["dataclasses"] = {"dataclass": dataclass}
    found["typing_extensions"] = {
        "deprecated": deprecated,
        **{name: getattr(typing, name) for name in _OF_TYPING},
    }
    found["uuid"] = {"uuid4": _unique}
    found[_METRICS] = {"MeterProvider": MeterProvider}
    if of_layer:
        found[_TRACER_METRICS] = {"create_tracer_metrics": _create_tracer_metrics}
    return found


def _unique() -> str:
    """Return what the API makes keys of contexts unique by."""
    return urandom(16).hex()


#: What the module ``dataclasses`` gives a class besides ``__init__``.
_COMPLETED = (
    "__dataclass_fields__",
    "__dataclass_params__",
    "__eq__",
    "__match_args__",
    "__replace__",
    "__repr__",
)


def dataclass(decorated: Any = None, /, **options: Any) -> Any:
    """Make a simple class a dataclass, as far as it needs to be one, without ``dataclasses``.

    A class is simple if it has no bases, no ``__init__``, and fields without defaults. The module
    is imported for every other, and does the rest for a simple one when somebody asks for it.
    """
    if options or not _is_simple(decorated):
        return real("dataclasses").dataclass(decorated, **options)
    names = tuple(decorated.__annotations__)

    def __init__(self: Any, *values: Any, **named: Any) -> None:  # noqa: N807 - the class's own
        given = dict(zip(names, values, strict=False))
        if len(given) == len(values) and given.keys().isdisjoint(named):
            given |= named
        if len(given) != len(names) or given.keys() != set(names):
            # Says what is wrong.
            _complete(decorated)
            decorated.__init__(self, *values, **named)
        vars(self).update(given)

    decorated.__init__ = __init__
    decorated.__hash__ = None
    for name in _COMPLETED:
        setattr(decorated, name, _Completed(name))
    return decorated


def _is_simple(decorated: Any) -> bool:
    if decorated is None or decorated.__bases__ != (object,):
        return False
    kinds = decorated.__annotations__
    given = {*kinds, *_COMPLETED, "__init__", "__post_init__", "__slots__", "__hash__"}
    plain = all(isinstance(kind, type) for kind in kinds.values())
    return plain and given.isdisjoint(vars(decorated))


class _Completed:
    """Has a simple dataclass completed when it is asked for what it lacks."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        _complete(next(one for one in owner.__mro__ if vars(one).get(self._name) is self))
        return getattr(owner if instance is None else instance, self._name)


def _complete(decorated: Any) -> None:
    for name in ("__init__", "__hash__", *_COMPLETED):
        delattr(decorated, name)
    real("dataclasses").dataclass(decorated)


def deprecated(message: str, /, **options: Any) -> Callable[[Any], Any]:
    """Have Python warn of the use of a function or class, without an import of ``inspect``.

    Specified by https://peps.python.org/pep-0702/.
    """

    def mark(marked: Any) -> Any:
        if options or getattr(getattr(marked, "__code__", None), "co_flags", 0) & _COROUTINE:
            return real("typing_extensions").deprecated(message, **options)(marked)
        marked.__deprecated__ = message
        if isinstance(marked, type):
            _warn_of_class(marked, message)
            return marked

        @wraps(marked)
        def warns(*values: Any, **named: Any) -> Any:
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            return marked(*values, **named)

        return warns

    return mark


#: ``inspect.CO_COROUTINE``.
_COROUTINE = 0x80


def _warn_of_class(marked: Any, message: str) -> None:
    made = marked.__new__
    own = vars(marked).get("__init_subclass__")

    def __new__(cls: Any, /, *values: Any, **named: Any) -> Any:  # noqa: N807 - the class's own
        if cls is marked:
            warnings.warn(message, DeprecationWarning, stacklevel=2)
        return made(cls) if made is object.__new__ else made(cls, *values, **named)

    def __init_subclass__(cls: Any, /, **named: Any) -> None:  # noqa: N807 - the class's own
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        (own.__get__(None, cls) if own else super(marked, cls).__init_subclass__)(**named)

    marked.__new__ = staticmethod(__new__)
    marked.__init_subclass__ = classmethod(__init_subclass__)


class _NoTracerMetrics:
    """Counts no spans, as the SDK does unless its own metrics are enabled."""

    def start_span(self, *_: Any) -> Callable[[], None]:
        return _nothing


def _nothing() -> None:
    pass


def _create_tracer_metrics(meter_provider: Any, enabled: bool) -> Any:  # noqa: FBT001 - the SDK's signature
    if not enabled:
        return _NoTracerMetrics()
    return real(_TRACER_METRICS).create_tracer_metrics(meter_provider, enabled)
