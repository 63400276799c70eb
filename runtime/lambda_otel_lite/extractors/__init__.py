"""Extractors: from an event and its context to the attributes of the invocation's span.

Each is a pure function of ``(event, context)`` and never raises, whatever an event holds. The names
below are imported at their first use, one module at a time.
"""

# Each public function of an extractor's module is an extractor.
# ruff: noqa: F403, F405
# pyright: reportWildcardImportFromLibrary=false

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.extractors.auto import NAMES, built_in
from lambda_otel_lite.extractors.auto import extractor_by_name as extractor_by_name

if TYPE_CHECKING:
    from lambda_otel_lite.extractors.attributes import Carrier as Carrier
    from lambda_otel_lite.extractors.attributes import Extractor as Extractor
    from lambda_otel_lite.extractors.attributes import SpanAttributes as SpanAttributes
    from lambda_otel_lite.extractors.attributes import TriggerType as TriggerType
    from lambda_otel_lite.extractors.auto import auto_extractor as auto_extractor
    from lambda_otel_lite.extractors.brokers import *
    from lambda_otel_lite.extractors.datasource import *
    from lambda_otel_lite.extractors.direct import *
    from lambda_otel_lite.extractors.durable import durable_extractor as durable_extractor
    from lambda_otel_lite.extractors.http import *
    from lambda_otel_lite.extractors.messaging import *

    function_url_extractor = api_gateway_v2_extractor
else:
    __all__ = ["Carrier", "Extractor", "SpanAttributes", "TriggerType", "extractor_by_name"]
    __all__ += [f"{name}_extractor" for name in NAMES]

    def __getattr__(name: str) -> Any:
        if name in ("Carrier", "Extractor", "SpanAttributes", "TriggerType"):
            return getattr(import_module(f"{__name__}.attributes"), name)
        short = name.removesuffix("_extractor")
        if short != name and short in NAMES:
            return built_in(short)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
