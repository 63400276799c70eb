r"""Find a name in a line, whatever tools have wrapped around it: strings in JSON, fields in CSV.

``aws logs filter-log-events`` puts a line into a string of JSON, where a quote is ``\"``, and the
console's CSV into a field, where a quote is ``""`` (https://www.rfc-editor.org/rfc/rfc4180#section-2).
Other tools wrap these again, so the quotes around the name say what to undo next.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

#: The rest of a string in JSON, and of a field in CSV. Either may be cut off by the line's end.
_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_FIELD = re.compile(r'[^"]*+(?:""[^"]*+)*+')
#: Deeper than tools wrap: each depth of JSON doubles the backslashes.
_DEEPEST = 6
#: Characters before a name that are looked at.
_FARTHEST = 64 * 1024
_MOST_QUOTES = 2**_DEEPEST


def places(text: str, name: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    """Yield each text in which a name stands in plain quotes, and the place of the name.

    A text reaches from one name to the next, so that what reads it takes no longer than the line is
    long. What cannot be unwrapped is yielded as it is: something is wrong with it.

    Args:
        text: A line of a log.
        name: What to look for.
        depth: How often the text has been unwrapped.
    """
    done = 0
    while (at := text.find(name, done)) >= 0:
        low, done = done, at + len(name)
        before = text[max(low, at - _MOST_QUOTES) : at]
        quotes = before[len(before.rstrip('\\"')) :]
        if not quotes:
            continue
        inner = None
        if depth < _DEEPEST and quotes.endswith('""'):
            start = _field_start(text, at, low)
            done = max(done, _end(_FIELD, text, start))
            inner = text[start:done].replace('""', '"')
        elif depth < _DEEPEST and quotes.endswith('\\"'):
            start = _string_start(text, at, low)
            done = max(done, _end(_STRING, text, start))
            inner = _unquoted(text[start:done])
        if inner is None:
            first = max(low, at - _FARTHEST)
            after = text.find(name, done)
            yield text[first : after if after >= 0 else None], at - first
        else:
            yield from places(inner, name, depth + 1)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _string_start(text: str, at: int, low: int) -> int:
    """Return where the string begins: after the last quote that no backslash makes a part of it."""
    while (quote := text.rfind('"', low, at)) >= 0:
        first = quote
        while first > low and text[first - 1] == "\\":
            first -= 1
        if (quote - first) % 2 == 0:
            return quote + 1
        at = first
    return low


def _field_start(text: str, at: int, low: int) -> int:
    """Return where the field begins: after the last quote that is not one of a pair."""
    while (quote := text.rfind('"', low, at)) >= 0:
        first = quote
        while first > low and text[first - 1] == '"':
            first -= 1
        if (quote - first) % 2 == 0:
            return first + 1
        at = first
    return low


def _unquoted(string: str) -> str | None:
    try:
        return str(json.loads(f'"{string}"', strict=False))
    except ValueError:
        return None
