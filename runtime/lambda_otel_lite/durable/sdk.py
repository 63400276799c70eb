"""Have AWS's SDK for durable executions, and its OpenTelemetry plugin, work in the handler's trace.

Tried with ``aws-durable-execution-sdk-python`` 3.0 and ``aws-durable-execution-sdk-python-otel``
2.0 (https://github.com/aws/aws-durable-execution-sdk-python). Of another version that has no such
parts, nothing is changed.
"""

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from opentelemetry import trace

from lambda_otel_lite.startup.provider import StartupTracerProvider

_SDK = "aws_durable_execution_sdk_python"
#: Run the function's code: its handler, and the branches of it.
_STARTS_THREADS = (f"{_SDK}.execution", f"{_SDK}.concurrency.executor")
_PLUGINS = tuple(f"{_SDK}_otel.{view}_plugin" for view in ("invocation", "execution"))
#: What is changed, and used, of the plugins' modules.
_PARTS = ("ExtractedContext", "create_tracer_provider", "xray_context_extractor")
_MARK = "__lambda_otel_lite__"


def prepare() -> None:
    """Change what is imported of the SDK by now, where it has not been changed before."""
    for name in _STARTS_THREADS:
        sdk: Any = sys.modules.get(name)
        if getattr(sdk, "ThreadPoolExecutor", None) is ThreadPoolExecutor:
            sdk.ThreadPoolExecutor = _ContextThreadPool
    for name in _PLUGINS:
        plugin: Any = sys.modules.get(name)
        if not hasattr(plugin, _MARK) and all(hasattr(plugin, part) for part in _PARTS):
            setattr(plugin, _MARK, True)
            _follow_handler(plugin)


class _ContextThreadPool(ThreadPoolExecutor):
    """Does its work in the context of whoever asks for it.

    The SDK runs the function's code in another thread, and does so by itself only where one of its
    plugins is registered. Otherwise all spans of that code would be traces of their own.
    """

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)


def _follow_handler(plugin: Any) -> None:
    """Have a plugin's module take trace and sampling of the handler's span, and leave the export.

    By itself it looks at the X-Ray header alone, whose ``Sampled=0`` has it drop what is made
    within its spans too, and it exports at its end, in mode async before the response.
    """
    extract, provider_of = plugin.xray_context_extractor, plugin.create_tracer_provider

    def extract_context(info: Any) -> Any:
        span = trace.get_current_span()
        context = span.get_span_context()
        if not context.is_valid:
            return extract(info)
        # The caller's, which is the same in all invocations; the handler's is there in any case.
        parent = getattr(span, "parent", None)
        ancestor = parent if parent is not None and parent.is_remote else context
        return plugin.ExtractedContext(trace_id=context.trace_id, parent_span_id=ancestor.span_id)

    def create_tracer_provider(config: Any) -> Any:
        result = provider_of(config)
        provider = result.tracer_provider
        if not isinstance(provider, StartupTracerProvider):
            return result
        return type(result)(
            tracer_provider=_Unflushed(provider), uses_global_provider=result.uses_global_provider
        )

    plugin.xray_context_extractor = extract_context
    plugin.create_tracer_provider = create_tracer_provider


class _Unflushed:
    """Gives a provider's tracers, and no way to flush it: the end of the invocation exports.

    Args:
        provider: Makes the spans.
    """

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._provider = provider

    def get_tracer(self, *scope: Any, **named: Any) -> trace.Tracer:
        """Return a tracer of the provider."""
        return self._provider.get_tracer(*scope, **named)
