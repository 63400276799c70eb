"""Reading of variables as in lambda-otel-lite 0.15, for applications that import it.

This project's own code uses `lambda_otel_lite.configuration`. Each function returns the variable's
value, else `config_value`, else `default_value`. What a variable holds and cannot be used is one
warning.
"""

from collections.abc import Callable

from lambda_otel_lite.configuration.reader import warn
from lambda_otel_lite.configuration.settings import variable


def get_bool_env(
    name: str,
    config_value: bool | None = None,  # noqa: FBT001 - as applications call it
    default_value: bool = False,  # noqa: FBT001, FBT002
) -> bool:
    """Return whether a variable is ``true``; ``false`` and ``true`` may be in any case.

    Args:
        name: The variable.
        config_value: Used where the variable is not set.
        default_value: Used where neither is. Default: False.
    """
    return _read(name, config_value, default_value, "one of true, false", _switch)


def get_int_env(
    name: str,
    config_value: int | None = None,
    default_value: int = 0,
    validator: Callable[[int], bool] | None = None,
) -> int:
    """Return a variable as a whole number.

    Args:
        name: The variable.
        config_value: Used where the variable is not set.
        default_value: Used where neither is. Default: 0.
        validator: Says whether a number is accepted. Default: every number is.
    """
    return _read(name, config_value, default_value, "a whole number", int, validator)


def get_str_env(
    name: str,
    config_value: str | None = None,
    default_value: str = "",
    validator: Callable[[str], bool] | None = None,
) -> str:
    """Return a variable's text without surrounding space; an empty one counts as not set.

    Args:
        name: The variable.
        config_value: Used where the variable is not set.
        default_value: Used where neither is. Default: an empty text.
        validator: Says whether a text is accepted. Default: every text is.
    """
    return _read(name, config_value, default_value, "a text", str, validator)


def _read[T](  # noqa: PLR0913, PLR0917 - those of its callers, and two more
    name: str,
    config_value: T | None,
    default_value: T,
    accepted: str,
    parse: Callable[[str], T],
    validator: Callable[[T], bool] | None = None,
) -> T:
    used = default_value if config_value is None else config_value
    text = variable(name)
    if text is None:
        return used
    try:
        value = parse(text)
    except ValueError:
        warn(name, text, accepted, used)
        return used
    if validator is not None and not validator(value):
        warn(name, text, f"{accepted} that its validator takes", used)
        return used
    return value


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"
