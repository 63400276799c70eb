"""The zero-code entry point: ``lambda_otel_lite_entry.handler`` is this module's `handler`.

The CDK constructs name it as the function's handler and keep the user's own in
``LAMBDA_OTEL_HANDLER``. Whatever is wrong with the user's module fails the way it would without
telemetry: with the platform's error type and message, and the user's traceback.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import Settings, accepted_by_sdk, show_handler
from lambda_otel_lite.log import Logger
from lambda_otel_lite_layer.mount import (
    choose_opentelemetry,
    give_way,
    import_with,
    light_imports,
)

if TYPE_CHECKING:
    from lambda_otel_lite.telemetry import Started

logger = Logger("lambda_otel_lite.autowrap")


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


def _wrap() -> Callable[..., Any]:
    settings = Settings.from_environ()
    show_handler(settings.handler)
    if settings.disabled:
        return _load(settings.handler)
    started = _start(settings)
    try:
        loaded = _load(settings.handler)
    except Exception as error:
        if not _is_taken_back(error, settings):
            # Parts of its own SDK may not go with the layer's.
            if not give_way(error):
                raise
            started = None
        loaded = _load(settings.handler)
    finally:
        _warn()
    return loaded if started is None else _trace(loaded, settings, started)


def _start(settings: Settings) -> "Started | None":
    """Set up tracing before the user's module is imported; None if that cannot be done.

    In the order of OpenTelemetry's own auto-instrumentation: what makes spans first, then what
    instruments libraries (https://opentelemetry.io/docs/zero-code/python/). What the module makes
    when it is imported, such as clients and connections, is traced as well.
    """
    try:
        with accepted_by_sdk():
            if choose_opentelemetry().usable:
                with light_imports():
                    import_with(lambda: import_module("lambda_otel_lite.handler"))
        # What was imported may have changed it.
        if not choose_opentelemetry().usable:
            return None
        from lambda_otel_lite.telemetry import start  # noqa: PLC0415 - not before it is chosen

        started = start(settings)
        if settings.instrumentations:
            from lambda_otel_lite.bridges import switch_on  # noqa: PLC0415 - seldom needed

            switch_on(settings.instrumentations, started.provider)
    except Exception:
        logger.exception("tracing could not be set up; the function runs without it")
        return None
    return started


def _is_taken_back(error: Exception, settings: Settings) -> bool:
    """Switch off what was switched on and made the import fail; say whether there was any."""
    try:
        if not settings.instrumentations:
            return False
        from lambda_otel_lite.bridges import take_back  # noqa: PLC0415 - seldom needed

        return take_back(error)
    except Exception:  # noqa: BLE001 - without OpenTelemetry nothing was switched on
        return False


def _warn() -> None:
    with suppress(Exception):
        warning = choose_opentelemetry().warning
        if warning:
            logger.warning("%s", warning)


def _trace(
    handler: Callable[..., Any], settings: Settings, started: "Started"
) -> Callable[..., Any]:
    """Trace a handler; return it as it is where that cannot be done."""
    try:
        from lambda_otel_lite.extractors import auto_extractor, extractor_by_name  # noqa: PLC0415 - not before OpenTelemetry is chosen
        from lambda_otel_lite.handler import TRACED_MARK, create_traced_handler  # noqa: PLC0415
        from lambda_otel_lite.telemetry import follow  # noqa: PLC0415

        telemetry = follow(settings, started)
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


handler = _wrap()
