"""Attributes, and the fields that messages are made of, as protobuf bytes.

The encoding: https://protobuf.dev/programming-guides/encoding/. The messages ``KeyValue`` and
``AnyValue``: ``common/v1/common.proto`` of https://github.com/open-telemetry/opentelemetry-proto.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lambda_otel_lite.log import Logger

logger = Logger("lambda_otel_lite.values")

# Decoders read 100 messages within each other, and an event's attribute is the sixth. A list is two
# and a map three. Source: protobuf, "Recursion limit"
# (https://protobuf.dev/programming-guides/encoding/).
_ROOM = 93

_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1

# Varints of one byte, which most numbers and lengths are.
_SMALL = [bytes((number,)) for number in range(0x80)]

# What stands before a text, by its size in bytes: the AnyValue's length, the tag of its
# string_value, the text's length. Sizes repeat, and most are small.
_LARGEST_KEPT = 1024
_text_heads: dict[int, bytes] = {}
# The same with the number, for small whole numbers met so far, such as status codes.
_ints: dict[int, bytes] = {}

# Attribute keys are the same in span after span. Bounded: a key may be made of data.
_MOST_KEYS = 1024
_keys: dict[str, bytes] = {}
# So are many values: each key's last one, its type, and what both were encoded to.
_KEPT, _LONGEST_KEPT = (str, int, bool), 512
_last: dict[str, tuple[str | int, type, bytes]] = {}


def encode_attributes(tag: bytes, attributes: Mapping[str, Any] | None) -> bytes:
    """Encode attributes as the repeated field of the tag; one that cannot be encoded is left out.

    Args:
        tag: Tag of the message's ``repeated KeyValue attributes``.
        attributes: What the SDK holds, or any mapping.
    """
    # A copy by the mapping itself is many times faster than walking the SDK's proxy of it.
    copy = getattr(attributes, "copy", None)
    items = (copy() if copy else attributes or {}).items()
    last_of = _last.get
    try:
        pairs = [
            last[2]
            # Not by the value alone: True is equal to 1.
            if (last := last_of(key)) and last[1] is type(value) and last[0] == value
            else _pair(key, value)
            for key, value in items
        ]
    except Exception:  # noqa: BLE001 - a key or value may be an object of the user's
        pairs = list(_pairs_one_by_one(items))
    return tag + tag.join(pairs) if pairs else b""


def _pairs_one_by_one(items: Iterable[tuple[str, Any]]) -> Iterator[bytes]:
    """Encode attributes of which some cannot be."""
    for key, value in items:
        try:
            yield _pair(key, value)
        except Exception as error:  # noqa: BLE001 - as above
            logger.warning("attribute %r cannot be encoded and is left out: %s", key, error)


def _pair(key: str, value: Any) -> bytes:
    """Return a KeyValue, its length before it."""
    pair = _keys.get(key) or _key(key)
    kind = type(value)
    # Nearly all values are texts or small numbers.
    if kind is str:
        try:
            text = value.encode()
        except UnicodeEncodeError:
            text = _utf8(value)
        size = len(text)
        head = _text_heads.get(size) or _text_head(size)
        size += len(pair) + len(head)
        length = _SMALL[size] if size < 0x80 else _length(size)  # noqa: PLR2004 - as in `_length`
        encoded = b"".join((length, pair, head, text))
    else:
        other = (_ints.get(value) if kind is int else None) or _other(value)
        encoded = b"".join((_length(len(pair) + len(other)), pair, other))
    if kind in _KEPT and len(encoded) <= _LONGEST_KEPT:
        _last[key] = value, kind, encoded
    return encoded


def _other(value: Any) -> bytes:
    encoded = _sized(_any_value(value))
    if type(value) is int and 0 <= value <= _LARGEST_KEPT:
        _ints[value] = encoded
    return encoded


def _text_head(size: int) -> bytes:
    length = _length(size)
    head = _length(1 + len(length) + size) + b"\x0a" + length
    if size <= _LARGEST_KEPT:
        _text_heads[size] = head
    return head


def _key(key: str) -> bytes:
    """Return a KeyValue's key and the tag of its value."""
    if len(_keys) >= _MOST_KEYS:
        _keys.clear()
        _last.clear()
    encoded = _keys[key] = text_field(b"\x0a", key) + b"\x12"
    return encoded


def _any_value(value: Any, room: int = _ROOM) -> bytes:  # noqa: PLR0911 - one for each kind
    if isinstance(value, str):
        return b"\x0a" + _sized(_utf8(value))
    if isinstance(value, bool):  # before int, which it is too
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise ValueError(f"{value} is outside of 64 bits")
        return b"\x18" + varint(value)
    if value is None:
        return b""
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, bytes):
        return b"\x3a" + _sized(value)
    return _nested(value, room)


def _nested(value: Any, room: int) -> bytes:
    room -= 3 if isinstance(value, Mapping) else 2
    if room < 0:
        raise ValueError("its lists and maps are nested too deep for decoders of protobuf")
    if isinstance(value, Sequence):
        items = [message(b"\x0a", _any_value(one, room)) for one in value]
        return message(b"\x2a", b"".join(items))
    if isinstance(value, Mapping):
        pairs = [
            message(
                b"\x0a",
                text_field(b"\x0a", str(key)) + message(b"\x12", _any_value(one, room)),
            )
            for key, one in value.items()
        ]
        return message(b"\x32", b"".join(pairs))
    raise TypeError(f"{type(value).__name__} is not an attribute value")


def is_readable(value: Any, room: int = _ROOM) -> bool:
    """Tell whether decoders read a value, however deep its lists and maps are nested.

    Args:
        value: Of an attribute.
        room: So many messages may be within each other.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | Mapping):
        return True
    room -= 3 if isinstance(value, Mapping) else 2
    items = value.values() if isinstance(value, Mapping) else value
    return room >= 0 and all(is_readable(one, room) for one in items)


def message(tag: bytes, encoded: bytes) -> bytes:
    """Encode a message field whose content is encoded already."""
    return tag + _length(len(encoded)) + encoded


def _sized(encoded: bytes) -> bytes:
    """Put its length before a piece."""
    return _length(len(encoded)) + encoded


def _length(length: int) -> bytes:
    if length < 0x80:  # noqa: PLR2004 - one byte, two bytes, or however many it takes
        return _SMALL[length]
    if length < 0x4000:  # noqa: PLR2004
        return bytes((length & 0x7F | 0x80, length >> 7))
    return varint(length)


def text_field(tag: bytes, text: str | None) -> bytes:
    """Encode a text field; proto3 leaves an empty one out."""
    if not text:
        return b""
    try:
        encoded = text.encode()
    except (UnicodeEncodeError, AttributeError):
        encoded = _utf8(text)
    return tag + _length(len(encoded)) + encoded


def _utf8(text: str) -> bytes:
    """Encode a text; a lone surrogate, which JSON can bring, becomes a question mark."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace")
    except AttributeError:  # the SDK takes any object for a name
        return str(text).encode(errors="replace")


def time_field(tag: bytes, nanoseconds: int | None) -> bytes:
    """Encode a fixed64 field with a time in nanoseconds since 1970; 0 and None are left out."""
    return tag + nanoseconds.to_bytes(8, "little") if nanoseconds else b""


def _double(value: float) -> bytes:
    import struct  # noqa: PLC0415 - few spans hold any, and each cold start would load it

    return struct.pack("<Bd", 0x21, value)


def varint(number: int) -> bytes:
    """Encode seven bits a byte, least first; a negative number as its 64-bit complement."""
    if 0 <= number < 0x80:  # noqa: PLR2004 - one byte is enough for most
        return _SMALL[number]
    number &= 0xFFFF_FFFF_FFFF_FFFF
    encoded = bytearray()
    while number > 0x7F:  # noqa: PLR2004
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
