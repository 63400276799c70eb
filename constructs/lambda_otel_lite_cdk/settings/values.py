"""Say what values a setting takes, and how a value is written into a variable.

The rule of a setting comes from its row in the runtime's table of variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.settings import keep
from lambda_otel_lite_cdk.settings.keep import Keep
from lambda_otel_lite_cdk.settings.tokens import around_tokens, is_token, write_token

if TYPE_CHECKING:
    from lambda_otel_lite.configuration.kinds import Variable

_KNOWN_AT_SYNTH = ("exporter",)

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
        default: What holds without a value, in words.
    """

    accepted: str
    accepts: Callable[[Any], bool]
    read: Callable[[str], Any] = str
    write: Callable[[Any], str] = str
    default: str = ""


def rule_of(variable: Variable) -> Rule:
    """Return the rule of a variable that is a setting.

    Args:
        variable: Its row in the runtime's table.
    """
    rule = replace(_rule_of_kind(variable), default=default_of(variable))
    # What is known at deployment only cannot decide which layer is deployed.
    return rule if variable["setting"] in _KNOWN_AT_SYNTH else _or_token(rule)


def _or_token(rule: Rule) -> Rule:
    """Accept tokens too, which deploy as what they stand for."""
    return replace(
        rule,
        accepts=lambda value: is_token(value) or rule.accepts(value),
        write=lambda value: write_token(value) if is_token(value) else rule.write(value),
    )


def default_of(variable: Variable) -> str:
    """Return in words what an instrumented function has without a setting."""
    match variable["kind"]:
        case "pairs" | "rules":
            return "none"
        case "level":
            default = variable["otherwise"]
        case "text":
            default = ", else ".join(
                filter(None, (variable.get("otherwise"), variable["default"] or ""))
            )
        case "whole number":
            number = f"{variable['default']} {variable.get('unit', '')}"
            default = variable.get("otherwise", number)
        case "names":
            default = repr(variable["default"]) if variable["default"] else "none"
        case "choice":
            default = repr(variable.get("constructs", variable["default"]))
        case "switch" | "fraction" | "opt-in" | "reference":
            default = repr(variable["default"])
    return default.replace("`", "").rstrip()


def _rule_of_kind(variable: Variable) -> Rule:  # noqa: PLR0911 - one for each kind
    match variable["kind"]:
        case "whole number":
            return whole_number(*variable["accepted"], variable.get("unit", ""))
        case "fraction":
            return fraction(*variable["accepted"])
        case "choice" | "level" | "opt-in":
            return one_of(*variable["accepted"])
        case "switch":
            return flag()
        case "text":
            return text("a text that is not empty")
        case "names":
            return names(*variable["accepted"])
        case "pairs":
            return pairs()
        case "reference":
            return reference(*variable["accepted"])
        case "rules":
            return rules()


def one_of(*names: str) -> Rule:
    """Accept some names."""
    return Rule(f"one of {', '.join(map(repr, names))}", lambda value: value in names)


def whole_number(low: int, high: int, unit: str = "") -> Rule:
    """Accept whole numbers within a range, the ends included."""
    return Rule(
        f"a whole number from {low} to {high} {unit}".rstrip(),
        # bool is an int to Python, but `queue_size=True` is a mistake.
        lambda value: is_number(value) and isinstance(value, int) and low <= value <= high,
        read=int,
    )


def fraction(low: int, high: int) -> Rule:
    """Accept numbers within a range, the ends included."""
    return Rule(
        f"a number from {low} to {high}",
        lambda value: is_number(value) and low <= value <= high,
        read=float,
    )


def text(accepted: str, pattern: str = r".*\S.*", default: str = "") -> Rule:
    """Accept texts that are not empty and match a pattern."""
    return Rule(
        accepted,
        lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)),
        default=default,
    )


def reference(*names: str) -> Rule:
    """Accept some names, or where a function of the user's own is."""
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


def rules() -> Rule:
    """Accept keep rules."""
    return Rule(
        keep.accepted(),
        lambda value: isinstance(value, Keep) and value.is_accepted(),
        read=Keep.read,
        write=Keep.written,
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
    # A token is not encoded: what it stands for is known at deployment only.
    return ",".join(
        name
        + "="
        + "".join(
            part if token else quote(part, safe="/:@.")
            for part, token in around_tokens(attributes[name])
        )
        for name in sorted(attributes)
    )


def _pair(part: str) -> tuple[str, str]:
    name, separator, content = part.partition("=")
    if not separator:
        raise ValueError(part)
    return name.strip(), content.strip()


def read(rule: Rule, value: Any) -> Any:
    """Return a value of CDK context as a rule takes it: lists as tuples, and texts read.

    What cannot be read is returned as it is, so that the check of the rule names it.
    """
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str) or rule.accepts(value):
        return value
    try:
        return rule.read(value)
    except ValueError:
        return value
