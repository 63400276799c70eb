"""Give log records the ids of the span in which they were written.

Names and forms are those of
https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/: ``trace_id`` (32
hexadecimal digits), ``span_id`` (16) and ``trace_flags`` (2). The platform's JSON formatter writes
every attribute that it does not know as a field of its line, and so does Powertools' Logger. The
platform's text formatter is given them after the request id.
"""

import logging
from collections.abc import Callable
from functools import wraps

from opentelemetry.trace import get_current_span

_REQUEST_ID = "%(aws_request_id)s"
_IDS = "\ttrace_id=%(trace_id)s span_id=%(span_id)s trace_flags=%(trace_flags)s"

# Set on what this module has put in place, so that it is put there once.
_MARK = "__lambda_otel_correlated__"


def trace_context_fields() -> dict[str, str]:
    """Return the current span's ids as a log line has them; nothing outside of any span.

    For lines that do not go through the ``logging`` module.
    """
    span = get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        "trace_flags": f"{span.trace_flags:02x}",
    }


def correlate_logs() -> None:
    """Have every record of the standard ``logging`` module carry the current span's ids.

    A record that is written outside of any span, or has a value of its own under one of the names
    (``extra={"trace_id": ...}``), is left as it is.
    """
    handle = logging.Logger.handle
    if not hasattr(handle, _MARK):
        # Every record comes by here, whichever factory, logger or time it is of. A record factory
        # would make `extra` raise that has one of the names.
        correlated = _correlated(handle)
        setattr(correlated, _MARK, True)
        logging.Logger.handle = correlated  # type: ignore[method-assign, assignment]
    for handler in logging.getLogger().handlers:
        formatter = handler.formatter
        if type(formatter) is logging.Formatter and _REQUEST_ID in (_format_of(formatter) or ""):
            handler.setFormatter(_TextFormatter(formatter))


def _correlated(
    handle: Callable[[logging.Logger, logging.LogRecord], None],
) -> Callable[[logging.Logger, logging.LogRecord], None]:
    @wraps(handle)
    def correlated(self: logging.Logger, record: logging.LogRecord) -> None:
        try:
            for name, value in trace_context_fields().items():
                vars(record).setdefault(name, value)
        except Exception:  # noqa: BLE001, S110 - a record of the user's own class; the line matters more
            pass
        handle(self, record)

    return correlated


class _TextFormatter(logging.Formatter):
    """Writes what the platform's text formatter does, and the ids after the request id.

    Args:
        plain: The platform's own, which still writes records without ids.
    """

    def __init__(self, plain: logging.Formatter) -> None:
        with_ids = (_format_of(plain) or "").replace(_REQUEST_ID, _REQUEST_ID + _IDS, 1)
        super().__init__(with_ids, plain.datefmt)
        self._plain = plain

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        values = vars(record)
        if "trace_id" in values and "span_id" in values and "trace_flags" in values:
            return super().format(record)
        return self._plain.format(record)


def _format_of(formatter: logging.Formatter) -> str | None:
    return formatter._fmt  # noqa: SLF001 - logging has no other way to ask
