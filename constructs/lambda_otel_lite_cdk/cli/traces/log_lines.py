"""Find the log lines that say which span they are from.

Their ids are named as in
https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/: fields of a JSON
object, or ``trace_id=...`` in a text. A line may come after a time and a stream's name, or as a
string in JSON, as records do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambda_otel_lite_cdk.cli.traces.wrapping import places

_MARKER = b"trace_id"
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_TRACE_ID = re.compile(r"\btrace_id[=:] ?([0-9a-fA-F]{32})\b")
_SPAN_ID = re.compile(r"\bspan_id[=:] ?([0-9a-fA-F]{16})\b")
_IDS = re.compile(r"[\t ]*\b(?:trace_id|span_id|trace_flags)[=:] ?[0-9a-fA-F]+\b")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z\b|[+-]\d\d:?\d\d)?", re.ASCII
)
_LEVEL = re.compile(r"\[?\b(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b\]?")
#: What the platform's text formatter writes before the message.
_PLATFORM = re.compile(r"^\[\w+\]\t[^\t]*\t[0-9a-f-]*\t")
_HEX = {"trace_id": re.compile("[0-9a-fA-F]{32}"), "span_id": re.compile("[0-9a-fA-F]{16}")}
_MESSAGES = ("message", "event", "msg", "body")
_TIMES = ("timestamp", "time", "@timestamp")
#: Unix times above these are in milliseconds, above the second in nanoseconds.
_MILLISECONDS, _NANOSECONDS = 1e11, 1e17
#: Strings in JSON in strings in JSON: as deep as AWS's tools wrap a line, and deeper.
_DEEPEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """Hold a log line of a trace.

    Args:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits, or None if the line does not say.
        time_ns: Unix time in nanoseconds, or None if the line does not say.
        level: Such as ``INFO``; empty if the line does not say.
        message: What it says.
    """

    trace_id: str
    span_id: str | None
    time_ns: int | None
    level: str
    message: str


def in_order(lines: list[LogLine]) -> list[LogLine]:
    """Return lines by time; those without a time keep their place after the one before them.

    Args:
        lines: Lines in the order of the log.
    """
    keyed, time = [], 0
    for line in lines:
        # Some formats write whole seconds: such a line is not before one that came earlier.
        time = time if line.time_ns is None else line.time_ns
        keyed.append((time, line))
    return [line for _, line in sorted(keyed, key=lambda pair: pair[0])]


def log_lines(line: bytes) -> Iterator[LogLine]:
    """Yield what a line of a log holds: none, one, or several if a tool has wrapped them.

    Args:
        line: A line that holds no log record.
    """
    if _MARKER in line:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if '""trace_id' in text:
            for inner, _ in places(text, "trace_id"):
                yield from _found(inner, 0)
            return
        yield from _found(text, 0)


def _found(text: str, depth: int) -> Iterator[LogLine]:
    known = _object(text)
    if known is not None and (read := _of_object(known, text)):
        yield read
        return
    if depth < _DEEPEST and text.lstrip().startswith(("{", "[", '"')):
        wrapped = [
            line
            for literal in _STRING.finditer(text)
            if "trace_id" in literal[0]
            for line in _found(_unquoted(literal[0]), depth + 1)
        ]
        if wrapped:
            yield from wrapped
            return
    if read := _of_text(text):
        yield read


def _object(text: str) -> dict[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unquoted(literal: str) -> str:
    try:
        return str(json.loads(literal, strict=False))
    except ValueError:
        return ""


def _of_object(values: Mapping[str, Any], text: str) -> LogLine | None:
    trace_id, span_id = (_id(values, name) for name in ("trace_id", "span_id"))
    if trace_id is None:
        return None
    times = [time for name in _TIMES if (time := _time_of(values.get(name))) is not None]
    message = next((values[name] for name in _MESSAGES if name in values), None)
    return LogLine(
        trace_id=trace_id,
        span_id=span_id,
        time_ns=_exact(times, text[: text.find("{")]),
        level=str(values.get("level") or "").upper(),
        message=message if isinstance(message, str) else json.dumps(message or values),
    )


def _of_text(text: str) -> LogLine | None:
    trace_id, span_id = _TRACE_ID.search(text), _SPAN_ID.search(text)
    if trace_id is None:
        return None
    level = _LEVEL.search(text[: trace_id.start()])
    plain = _IDS.sub("", text)
    # After what `aws logs tail` puts before a line.
    line = plain[plain.find("[") :] if _PLATFORM.match(plain[plain.find("[") :]) else plain
    return LogLine(
        trace_id=trace_id[1].lower(),
        span_id=span_id and span_id[1].lower(),
        time_ns=_exact([], text),
        level=level[1] if level else "",
        message=_PLATFORM.sub("", line).strip() or text,
    )


def _id(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value.lower() if isinstance(value, str) and _HEX[name].fullmatch(value) else None


def _exact(times: list[int], before: str) -> int | None:
    """Return the time that says most: the line's own, unless that is a whole second."""
    times += [time for text in _TIME.findall(before) if (time := _time_of(text)) is not None]
    return next((time for time in times if time % 1_000_000_000), times[0] if times else None)


def _time_of(value: Any) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - NaN
        if abs(value) > _NANOSECONDS:
            return int(value) if abs(value) < 2**63 else None
        return int(value * (1_000_000 if value > _MILLISECONDS else 1_000_000_000))
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    past = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (past.days * 86_400 + past.seconds) * 1_000_000_000 + past.microseconds * 1000
