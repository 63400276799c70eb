"""What a search finds: words anywhere in a trace, and fields that hold for one of its spans.

The fields, the operators and what they mean are those of the report's own search
(``page/search.js``); a test compares the two.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.spans import Span, Value

_TERM = re.compile(
    r'(?:(?P<field>[^\s"<>=:!]+)(?P<operator>>=|<=|!=|[:=<>]))?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))'
)
_HALF = re.compile(r"(?P<field>\w+)(?P<operator>>=|<=|!=|[:=<>])")
_MILLISECOND = 1_000_000
#: Units of a duration, in milliseconds.
_UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3, "m": 6e4, "min": 6e4, "h": 36e5}
_AMOUNT = re.compile(r"(?P<number>\d*\.?\d+)\s*(?P<unit>[a-zµ]*)")

_COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold a span and the log lines that are from it.

    Args:
        span: The span.
        lines: Its log lines.
    """

    span: Span
    lines: Sequence[LogLine] = ()


#: What may be asked of a span beside its attributes. Durations are in milliseconds.
FIELDS: Mapping[str, Callable[[Seen], Iterable[Value]]] = {
    "service": lambda seen: [seen.span.service],
    "name": lambda seen: [seen.span.name],
    "kind": lambda seen: [seen.span.kind],
    "status": lambda seen: [seen.span.status],
    "trace": lambda seen: [seen.span.trace_id],
    "span": lambda seen: [seen.span.span_id],
    "scope": lambda seen: [seen.span.scope],
    "duration": lambda seen: [(seen.span.end_ns - seen.span.start_ns) / _MILLISECOND],
    "level": lambda seen: [line.level for line in seen.lines],
    "message": lambda seen: [
        seen.span.status_message,
        *(line.message for line in seen.lines),
        *(event.attributes.get("exception.message") for event in seen.span.events),
    ],
}


@dataclass(frozen=True, slots=True)
class Term:
    """Hold what one field must be.

    Args:
        field: A key of ``FIELDS``, or an attribute's name.
        operator: ``:`` holds, ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.
        value: In small letters; ``*`` after ``:`` is any.
        whole: The term as words, which it is where no span has such an attribute; empty if it is
            an attribute in any case.

    Raises:
        UsageProblem: The value is not a number where it has to be one.
    """

    field: str
    operator: str
    value: str
    whole: str = ""

    def __post_init__(self) -> None:
        is_known = self.field in FIELDS or not self.whole
        if is_known and self.operator in _COMPARISONS and math.isnan(self._amount()):
            wanted = "a time, such as 500ms or 2s" if self.field == "duration" else "a number"
            raise UsageProblem(
                f"{self.field}{self.operator}{self.value} cannot be looked for: after "
                f"{self.operator} comes {wanted}"
            )

    def holds(self, seen: Seen) -> bool:
        """Return whether a span has what is asked.

        Args:
            seen: The span.
        """
        values = self._values(seen)
        if compare := _COMPARISONS.get(self.operator):
            return any(compare(_number(value), self._amount()) for value in values)
        if self.operator == ":" and self.value == "*":
            return any(_plain(value) for value in values)
        if self.operator == ":" and self.field != "duration":
            return any(self.value in _plain(value).lower() for value in values)
        found = any(self._equals(value) for value in values)
        return not found if self.operator == "!=" else found

    def is_known(self, trace: Sequence[Seen]) -> bool:
        """Return whether this is a field for a trace, and not words such as ``12:30``.

        Args:
            trace: Its spans.
        """
        known = self.field in FIELDS or not self.whole
        return known or any(self._values(seen) for seen in trace)

    def _values(self, seen: Seen) -> list[Value]:
        if read := FIELDS.get(self.field):
            return [*read(seen)]
        span = seen.span
        places = [span.attributes, span.resource, *(event.attributes for event in span.events)]
        return [place[self.field] for place in places if self.field in place]

    def _equals(self, value: Value) -> bool:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value == self._amount()
        return _plain(value).lower() == self.value

    def _amount(self) -> float:
        if self.field != "duration":
            return _number(self.value)
        if not (found := _AMOUNT.fullmatch(self.value)):
            return math.nan
        return float(found["number"]) * _UNITS.get(found["unit"] or "ms", math.nan)


@dataclass(frozen=True, slots=True)
class Query:
    """Hold what is looked for.

    Args:
        words: Each is somewhere in the trace, in small letters.
        terms: All hold for one of its spans.
    """

    words: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()

    def matches(self, trace: Sequence[Seen]) -> bool:
        """Return whether a trace is one that is looked for.

        Args:
            trace: Its spans.
        """
        fields = [term for term in self.terms if term.is_known(trace)]
        words = [*self.words, *(term.whole for term in self.terms if term not in fields)]
        if fields and not any(all(term.holds(seen) for term in fields) for seen in trace):
            return False
        texts = [_text(seen) for seen in trace] if words else []
        return all(any(word in text for text in texts) for word in words)


def parse(text: str) -> Query:
    """Return what is looked for by a text as the report's search takes it.

    Args:
        text: Such as ``status:error duration>500ms "insufficient funds"``.

    Raises:
        UsageProblem: A value is missing, or is not a number where it has to be one.
    """
    words, terms = [], []
    for found in _TERM.finditer(text):
        value = (found["phrase"] if found["word"] is None else found["word"]).lower()
        if name := found["field"]:
            small = name.lower()
            field = small if small in FIELDS else name
            terms.append(Term(field, found["operator"], value, found[0].replace('"', "").lower()))
        elif value:
            _refuse_half_a_term(found["word"] or "")
            words.append(value)
    return Query(tuple(words), tuple(terms))


def _refuse_half_a_term(word: str) -> None:
    half = _HALF.fullmatch(word)
    if half and half["field"].lower() in FIELDS:
        raise UsageProblem(
            f"{word} cannot be looked for: after {half['operator']} comes what the {half['field']} "
            f"is, with no space before it"
        )


def _plain(value: Value) -> str:
    """Return a value as the report shows it."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _number(value: Value) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _text(seen: Seen) -> str:
    """Return all that words are looked for in, one part a line."""
    span = seen.span
    parts = [span.name, span.service, span.kind, span.status, span.status_message]
    parts += [span.trace_id, span.span_id, span.scope, *(event.name for event in span.events)]
    for place in (span.attributes, span.resource, *(event.attributes for event in span.events)):
        parts += [f"{name}={_plain(value)}" for name, value in place.items()]
    parts += [f"{line.level} {line.message}" for line in seen.lines]
    return "\n".join(parts).lower()
