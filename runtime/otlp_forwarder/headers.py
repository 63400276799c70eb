"""Request headers: which can be set, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

#: Longest value of a header in characters. Servers take 8 KiB for all headers, or more.
LONGEST_VALUE = 6 * 1024

#: Header names, https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 ("Tokens").
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Headers that describe the request itself: neither a log record nor a secret can change them.
_RESERVED = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host"}
    | {"expect", "te", "trailer", "transfer-encoding", "upgrade"}
)


def is_header_name(name: object) -> bool:
    """Tell whether a header of this name can be set, by a log record or by a secret."""
    return isinstance(name, str) and bool(_NAME.fullmatch(name)) and name.lower() not in _RESERVED


def is_header_value(value: object, longest: int = LONGEST_VALUE) -> bool:
    """Tell whether a value can be sent as a header; a line break would start another one."""
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        and 0 < len(value.strip()) <= longest
    )


def decoded_headers(headers: Mapping[Any, Any]) -> dict[str, str] | None:
    """Return headers as they are sent: names in lower case, values percent-decoded.

    Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables

    Args:
        headers: Names and values, which may be anything.

    Returns:
        None if there are none, or if one of them cannot be sent.
    """
    decoded = {
        unquote(name).strip().lower(): unquote(value).strip()
        for name, value in headers.items()
        if isinstance(name, str) and isinstance(value, str)
    }
    if not decoded or len(decoded) < len(headers):
        return None
    sendable = all(is_header_name(n) and is_header_value(v) for n, v in decoded.items())
    return decoded if sendable else None


def header_pairs(text: str) -> dict[str, str]:
    """Return the names and values in ``name=value,name2=value2``, as they are written there."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    return {name.strip(): value.strip() for name, _, value in pairs}
