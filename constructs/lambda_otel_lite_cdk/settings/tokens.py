"""Know the CDK's tokens, which stand for what is known at deployment only.

Source: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
"""

from __future__ import annotations

import re
import struct
from typing import Any

#: A token in a text.
_IN_TEXT = re.compile(r"\$\{Token\[[^]]*\]\}")
_LIST = "#{Token["
#: How the double of a number token begins, one that no calculation gives. Source: `encoding.ts` in
#: https://github.com/aws/aws-cdk/tree/main/packages/aws-cdk-lib/core/lib/private
_NUMBER = b"\xfb\xff"


def is_token(value: Any) -> bool:
    """Tell whether a value is a token or holds one: a text, a number or a list."""
    if isinstance(value, str):
        return bool(_IN_TEXT.search(value))
    if isinstance(value, float):
        return struct.pack(">d", value)[:2] == _NUMBER
    return is_list_token(value)


def is_list_token(value: Any) -> bool:
    """Tell whether a value is a list of which the length is known at deployment only."""
    return isinstance(value, list | tuple) and bool(value) and str(value[0]).startswith(_LIST)


def write_token(value: Any) -> str:
    """Return a token as a text, a list with commas."""
    from aws_cdk import Fn, Token  # noqa: PLC0415 - the command, which knows no tokens, is quick

    if is_list_token(value):
        return Fn.join(",", list(value))
    return value if isinstance(value, str) else Token.as_string(value)


def around_tokens(value: str) -> list[tuple[str, bool]]:
    """Return the parts of a text, and of each whether it is a token."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for found in _IN_TEXT.finditer(value):
        parts += [(value[end : found.start()], False), (found[0], True)]
        end = found.end()
    return [*parts, (value[end:], False)]
