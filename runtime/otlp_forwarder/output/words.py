"""What a collector says in its own words, in a form that can be logged."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from otlp_forwarder.input import wire
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.output.responses import Response

#: Most characters of one answer's words in a log line.
MOST_CHARACTERS = 300
#: Bytes of an answer that are looked at for its words, and characters of these for secrets.
LOOKED_AT, SEARCHED = 8 * 1024, 1024

#: Stands for a piece of a secret. So many of its characters in a row, in any case, are one.
REMOVED = "[removed]"
PIECE = 6
#: A shorter secret is looked for as a whole, from this length on.
SHORTEST = 3
#: What stands in front of credentials, and is none:
#: https://www.iana.org/assignments/http-authschemes/http-authschemes.xhtml
_SCHEMES = {"api-key", "apikey", "basic", "bearer", "digest", "token"}

#: Tags of ``google.rpc.Status``, https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto:
#: ``string message = 2``.
_STATUS_MESSAGE = 0x12
#: ``partial_success = 1`` of ExportTraceServiceResponse, and in it ``rejected_spans = 1`` (a
#: number) and ``error_message = 2``. Source:
#: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/trace/v1/trace_service.proto
_PARTIAL_SUCCESS = 0x0A
_REJECTED_SPANS = 0x08
_ERROR_MESSAGE = 0x12
_MOST_INT64 = 2**63 - 1

#: Names under which JSON answers say what is wrong, the most telling first.
_NAMES = (
    *("message", "error_message", "errorMessage", "error_description", "detail", "details"),
    *("error", "errors", "description", "title", "reason", "status"),
)

#: Deeper than what is wrong stands in any known answer.
_DEPTH = 4

_NOT_SHOWN = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
#: The key id and the signature in an Authorization header of AWS.
_SIGNED = re.compile(r"(?:Credential|Signature)=([^/,\s]+)")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_ENTITY = re.compile(r"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True, slots=True)
class Rejection:
    """What a collector says of a request that it took.

    Args:
        spans: Spans of it that it rejected.
        message: Why, in its own words as they came.
    """

    spans: int = 0
    message: str = ""


#: What most collectors say.
NOTHING = Rejection()


def rejection(response: Response) -> Rejection:
    """Return what a collector rejected of a request that it took.

    It is not sent again. Source: https://opentelemetry.io/docs/specs/otlp/#partial-success-1

    Args:
        response: An ExportTraceServiceResponse. One that cannot be read rejects nothing: some
            collectors respond with text.
    """
    body = response.body or b""
    if (fields := _json(response)) is not None:
        partial = _either(fields, "partialSuccess", "partial_success")
        spans = _either(partial, "rejectedSpans", "rejected_spans")
        message = _either(partial, "errorMessage", "error_message")
        # 64-bit numbers are texts in the JSON of protobuf.
        number = int(spans) if re.fullmatch(r"\d{1,18}", str(spans)) else 0
        return _rejection(number, message if isinstance(message, str) else "")
    try:
        for tag, start, end in wire.walk(body, 0, len(body)):
            if tag == _PARTIAL_SUCCESS:
                return _partial(body, start, end)
    except MalformedError:
        pass
    return NOTHING


def _partial(body: bytes, start: int, end: int) -> Rejection:
    spans, message = 0, ""
    for tag, content, stop in wire.walk(body, start, end):
        if tag == _REJECTED_SPANS:
            spans, _ = wire.varint(body, content)
        elif tag == _ERROR_MESSAGE:
            message = body[content:stop].decode("utf-8", "replace")
    return _rejection(spans if spans <= _MOST_INT64 else 0, message)


def _rejection(spans: int, message: str) -> Rejection:
    return Rejection(spans, message) if spans or message else NOTHING


def words(response: Response) -> str:
    """Return what a refusal says, as it came: a ``google.rpc.Status``, JSON or text.

    Args:
        response: Any response; an HTML page is read as text.
    """
    body = (response.body or b"")[:LOOKED_AT]
    if response.location and response.status // 100 == 3:  # noqa: PLR2004 - those of redirects
        # Its query may hold anything.
        return f"redirects to {response.location.partition('?')[0]}"
    if (fields := _json(response)) is not None:
        return "; ".join(dict.fromkeys(_said(fields))) or body.decode("utf-8", "replace")
    text = body.decode("utf-8", "replace")
    if all(character.isprintable() or character.isspace() for character in text):
        return _NOT_SHOWN.sub(" ", text)
    try:
        for tag, start, end in wire.walk(body, 0, len(body)):
            if tag == _STATUS_MESSAGE:
                return body[start:end].decode("utf-8", "replace")
    except MalformedError:
        return _NOT_SHOWN.sub(" ", text)
    return ""


def clean(text: str, secrets: Iterable[str]) -> str:
    """Return a text as it can be logged: short, on one line, printable and without secrets.

    Whoever is asked sees the request, and may repeat any part of it, as it is or encoded.

    Args:
        text: What somebody sent.
        secrets: What must not be in it, in pieces neither.
    """
    text = _without_escapes(text[:LOOKED_AT])
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:SEARCHED]
    lower = text.translate(_LOWER)
    hidden = bytearray(len(text))
    for form in {form.translate(_LOWER) for secret in secrets for form in _forms(secret)}:
        size = min(len(form), PIECE)
        pieces = {form[start : start + size] for start in range(len(form) - size + 1)}
        for start in range(len(lower) - size + 1):
            if lower[start : start + size] in pieces:
                hidden[start : start + size] = b"\1" * size
    shown = re.sub(
        "\0+", REMOVED, "".join("\0" if h else c for c, h in zip(text, hidden, strict=True))
    )
    return shown if len(shown) <= MOST_CHARACTERS else shown[: MOST_CHARACTERS - 1] + "…"


def _without_escapes(text: str) -> str:
    """Undo what could hide a secret: percent-encoding, and the escapes of JSON and HTML."""
    text = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), unquote(text))
    return _ENTITY.sub(_character, text)


def _character(entity: re.Match[str]) -> str:
    number = int(entity[1], 16) if entity[1] else int(entity[2])
    return chr(number) if number < 0x110000 else " "  # noqa: PLR2004 - Unicode ends there


def _forms(secret: str) -> Iterator[str]:
    """Yield the forms in which a secret can be repeated."""
    scheme, _, rest = secret.strip().partition(" ")
    bare = rest.strip() if scheme.lower() in _SCHEMES and rest else secret.strip()
    yield from _encoded(bare)
    try:
        decoded = base64.b64decode(bare, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return
    # "user:password" of basic authentication.
    yield from _encoded(decoded)
    yield from _encoded(decoded.partition(":")[2])


def _encoded(secret: str) -> Iterator[str]:
    if len(secret) < SHORTEST:
        return
    yield secret
    yield secret[::-1]
    data = secret.encode()
    yield data.hex()
    for before in range(3):
        # Wherever it stands in what is encoded: without what depends on its neighbours.
        text = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        inner = text[-(-before * 4 // 3) : -1]
        if len(inner) >= PIECE:
            yield inner


def _json(response: Response) -> Any:
    """Return the JSON of a response, or None."""
    body = (response.body or b"").strip()
    if "json" not in response.kind.lower() and not body.startswith(b"{"):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _either(fields: Any, *names: str) -> Any:
    found = (fields[name] for name in names if name in fields) if isinstance(fields, dict) else ()
    return next(iter(found), None)


def _said(fields: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts that say what is wrong."""
    match fields:
        case str():
            yield fields
        case [*each] if depth < _DEPTH:
            for one in each[:10]:
                yield from _said(one, depth + 1)
        case dict() if depth < _DEPTH:
            for name in _NAMES:
                if name in fields:
                    yield from _said(fields[name], depth + 1)


def secrets_in(
    url: str, headers: Mapping[str, str], signature: Mapping[str, str]
) -> tuple[str, ...]:
    """Return what must not be repeated of a request.

    Args:
        url: Where it is sent; the values of its query may be keys.
        headers: Headers that nobody but the collector may know.
        signature: Headers of a signature, of which the time is not secret.
    """
    return (
        *headers.values(),
        *(value for _, value in parse_qsl(urlsplit(url).query)),
        *_SIGNED.findall(signature.get("authorization", "")),
        *filter(None, [signature.get("x-amz-security-token")]),
    )
