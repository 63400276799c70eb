"""Say which invocations are exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Self

from lambda_otel_lite.configuration.variables import KEEP_RULES
from lambda_otel_lite_cdk.settings.tokens import is_token, write_token

_RULES = {rule["name"]: rule.get("accepted") for rule in KEEP_RULES}


@dataclass(frozen=True)
class Keep:
    """Name the rules by which invocations are kept, each decided when the invocation has ended.

    An invocation is exported if one of these applies or if the head decision, which is the caller's
    or the sampler's, has sampled it. A rule that is not set is that of the outer scope, and off if
    that has none.

    Args:
        timeouts: It reached its deadline. Default: off.
        errors: One of its spans has status ERROR, as after an exception or with HTTP status 500 and
            above. Default: off.
        cold_starts: It was the first of its execution environment. Default: off.
        slower_than_ms: It took longer. Accepted: 1 to 900,000 ms. Default: off.
        ratio: Its trace is among this share of all traces, by the trace's id; where no sampler is
            chosen, this is the head decision too. Accepted: 0 to 1. Default: 0.
    """

    _: KW_ONLY
    timeouts: bool | None = None
    errors: bool | None = None
    cold_starts: bool | None = None
    slower_than_ms: float | None = None
    ratio: float | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the rules of a text such as ``errors,ratio=0.05``.

        Raises:
            ValueError: There is no such rule, or what it is given is no number.
        """
        values: dict[str, float | bool] = {}
        for part in filter(None, map(str.strip, text.split(","))):
            name, separator, number = map(str.strip, part.partition("="))
            if name not in _RULES or bool(separator) is not bool(_RULES[name]):
                raise ValueError(part)
            values[name] = float(number) if separator else True
        return cls(**values)  # type: ignore[arg-type]  # which names take numbers is in the table

    def merge(self, other: Keep) -> Keep:
        """Return these rules with what is set in others in their place."""
        ours = {name: value for name, value in vars(self).items() if value is not None}
        theirs = {name: value for name, value in vars(other).items() if value is not None}
        return Keep(**(ours | theirs))

    def is_accepted(self) -> bool:
        """Tell whether every number is one, and within its range."""
        return all(
            value is None or _is_accepted(value, _RULES[name]) for name, value in vars(self).items()
        )

    def written(self) -> str:
        """Return the rules as the runtime reads them."""
        return ",".join(self._written())

    def _written(self) -> Iterator[str]:
        for name, takes_number in _RULES.items():
            value = getattr(self, name)
            if value is None or value is False:
                continue
            text = write_token(value) if is_token(value) else f"{value:.15g}"
            yield f"{name}={text}" if takes_number else name


def _is_accepted(value: object, ends: tuple[int, int] | None) -> bool:
    if ends is None:
        return isinstance(value, bool)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_token(value) or (is_number and ends[0] <= value <= ends[1])  # type: ignore[operator]


def accepted() -> str:
    """Return in words what rules there are and what they accept."""
    parts = [
        f"{name}={ends[0]:,} to {ends[1]:,}" if ends else f"{name}=True"
        for name, ends in _RULES.items()
    ]
    return f"a Keep with some of {', '.join(parts)}"
