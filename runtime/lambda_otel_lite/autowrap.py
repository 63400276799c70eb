"""The zero-code entry point: ``lambda_otel_lite.autowrap.handler``.

The CDK constructs name it as the function's handler and keep the user's own in
``LAMBDA_OTEL_HANDLER``. Whatever is wrong with the user's module fails the way it would without
telemetry: with the platform's error type and message, and the user's traceback.
"""

import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.startup.lazy_import import imported_later

if TYPE_CHECKING:
    from lambda_otel_lite.propagation.propagation import Propagation

logger = logging.getLogger("lambda_otel_lite.autowrap")

#: What the SDK imports for its resource detectors and its own id generator.
_NOT_NEEDED = ("datetime", "random", "socket", "subprocess", "urllib.parse")


def _load(name: str | None) -> Callable[..., Any]:
    """Import the user's handler as the platform's runtime would."""
    if not name:
        _fail(
            "Runtime.MalformedHandlerName",
            f"{env.HANDLER} is not set: it names the handler to run, as in app.handler",
        )
    module_name, dot, attribute = name.rpartition(".")
    if not dot:
        _fail("Runtime.MalformedHandlerName", f"Bad handler '{name}': no dot in {env.HANDLER}")
    if module_name.split(".")[0] in sys.builtin_module_names:
        _fail(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = import_module(module_name.replace("/", "."))
    except ImportError as error:
        _fail("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        _fail(
            "Runtime.UserCodeSyntaxError",
            f"Syntax error in module '{module_name}': {error}",
            [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'],
        )
    try:
        found: Callable[..., Any] = getattr(module, attribute)
    except AttributeError:
        _fail("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")
    return found


def _fail(error_type: str, message: str, trace: list[str] | None = None) -> NoReturn:
    """Raise what the platform's runtime reports under the given type."""
    try:
        from awslambdaric.lambda_runtime_exception import (  # noqa: PLC0415 - the platform has it
            FaultException,
        )
    except ImportError:
        raise RuntimeError(f"{error_type}: {message}") from None
    raise FaultException(error_type, message, trace)


def _trace(
    handler: Callable[..., Any], settings: Settings, propagation: "Propagation | None"
) -> Callable[..., Any]:
    """Trace a handler; return it as it is where that cannot be done."""
    try:
        with _without_collector(), imported_later(*_NOT_NEEDED):
            from lambda_otel_lite.extractors import auto_extractor, extractor_by_name  # noqa: PLC0415
            from lambda_otel_lite.handler import TRACED_MARK, create_traced_handler  # noqa: PLC0415
            from lambda_otel_lite.telemetry import current_telemetry, set_up  # noqa: PLC0415

        telemetry = current_telemetry() or set_up(settings, propagation)
        if settings.instrumentations:
            from lambda_otel_lite.startup.instrumentations import instrument  # noqa: PLC0415

            instrument(settings.instrumentations, telemetry.tracer_provider)
        if getattr(handler, TRACED_MARK, False):
            return handler
        try:
            extractor = extractor_by_name(settings.extractor)
        except ValueError as error:
            logger.warning("%s: %s; using auto", env.EXTRACTOR, error)
            extractor = auto_extractor
        name = settings.function_name or "lambda"
        return create_traced_handler(name, telemetry, extractor)(handler)
    except Exception:
        logger.exception("tracing could not be set up; the function runs without it")
        return handler


def _wrap() -> Callable[..., Any]:
    settings = Settings.from_environ()
    if settings.disabled:
        return _load(settings.handler)
    propagation = _propagation(settings)
    return _trace(_load(settings.handler), settings, propagation)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Import without garbage collection: what modules are made of all lives on.

    The collector would walk it over and over, for a twentieth of the time that the import takes.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _propagation(settings: Settings) -> "Propagation | None":
    """Return what the user's ``OTEL_PROPAGATORS`` asks for; None leaves it for later."""
    # Before the user's import: with a name in OTEL_PROPAGATORS that no installed package claims,
    # the API raises as soon as the user's code imports opentelemetry.propagate.
    if settings.propagators_chosen:
        try:
            from lambda_otel_lite.propagation.propagation import from_settings  # noqa: PLC0415

            return from_settings(settings)
        except Exception:
            logger.exception("propagators could not be set up")
    return None


handler = _wrap()
