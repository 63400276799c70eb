"""Say what values a setting takes, and how a value is written into a variable."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[^\s,=]+")
#: `module:function` of a user's own extractor.
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Rule:
    """What values are accepted.

    Args:
        accepted: The accepted values in words, after "it must be".
        accepts: Tells whether a value is one of them.
        read: Turns the text of a context value into a value; raises ValueError where it cannot.
        write: Turns an accepted value into the text of a variable.
    """

    accepted: str
    accepts: Callable[[Any], bool]
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str


def one_of(*names: str) -> Rule:
    """Accept some names."""
    return Rule(f"one of {', '.join(map(repr, names))}", lambda value: value in names)


def whole_number(low: int, high: int) -> Rule:
    """Accept whole numbers within a range, the ends included."""
    return Rule(
        f"a whole number from {low} to {high}",
        # bool is an int to Python, but `queue_size=True` is a mistake.
        lambda value: is_number(value) and isinstance(value, int) and low <= value <= high,
        read=int,
    )


def fraction() -> Rule:
    """Accept numbers from 0 to 1."""
    return Rule(
        "a number from 0 to 1", lambda value: is_number(value) and 0 <= value <= 1, read=float
    )


def text(what: str, pattern: str = r".*\S.*") -> Rule:
    """Accept texts that are not empty and match a pattern."""
    return Rule(what, lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)))


def extractor(*names: str) -> Rule:
    """Accept the name of an extractor of the runtime, or where the user's own is."""
    return Rule(
        f"one of {', '.join(map(repr, names))}, or 'module:function'",
        lambda value: (
            isinstance(value, str) and (value in names or bool(_REFERENCE.fullmatch(value)))
        ),
    )


def names(*known: str) -> Rule:
    """Accept a tuple of names, of any where none are known."""
    accepted = f"names out of {', '.join(map(repr, known))}" if known else "names without commas"
    return Rule(
        f"a tuple of {accepted}",
        lambda value: (
            isinstance(value, tuple)
            and all(
                isinstance(name, str) and (name in known if known else _NAME.fullmatch(name))
                for name in value
            )
        ),
        read=lambda listed: tuple(name.strip() for name in listed.split(",")),
        write=",".join,
    )


def pairs() -> Rule:
    """Accept attributes: a mapping of names to texts."""
    return Rule(
        "a mapping of names to texts",
        lambda value: (
            isinstance(value, Mapping)
            and all(
                isinstance(name, str) and _NAME.fullmatch(name) and isinstance(content, str)
                for name, content in value.items()
            )
        ),
        read=lambda listed: dict(_pair(part) for part in listed.split(",")),
        write=_write_pairs,
    )


def flag() -> Rule:
    """Accept true and false."""
    return Rule(
        "True or False",
        lambda value: isinstance(value, bool),
        read=lambda word: {"true": True, "false": False}.get(word.lower(), word),
        write=lambda value: str(value).lower(),
    )


def is_number(value: object) -> bool:
    """Tell whether a value is a number and not a flag."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _write_pairs(attributes: Mapping[str, str]) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - takes long to import, and few set attributes

    # Sorted, so that the order in which settings were merged does not show in the template.
    # Percent-encoded as the specification of OTEL_RESOURCE_ATTRIBUTES asks.
    return ",".join(f"{name}={quote(attributes[name], safe='/:@.')}" for name in sorted(attributes))


def _pair(part: str) -> tuple[str, str]:
    name, separator, content = part.partition("=")
    if not separator:
        raise ValueError(part)
    return name.strip(), content.strip()
