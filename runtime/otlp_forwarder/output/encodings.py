"""Learn which content encoding a collector takes."""

from __future__ import annotations

import functools
from collections import Counter

from otlp_forwarder.input.compression import compress
from otlp_forwarder.output.responses import Action

GZIP, NONE = "gzip", "none"

#: "Unsupported Media Type" is also what is said to an encoding that is not supported,
#: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3. A collector that takes no notice of the
#: encoding sees a broken request.
_UNSUPPORTED, _BROKEN = 415, 400
#: What is done where something in the request is wrong; else its encoding is not to blame.
_BLAMES_REQUEST = {Action.DIVIDE, Action.SET_ASIDE}
#: Requests to a URL that are sent once more in vain, because they are refused without compression
#: too, before compression is taken for innocent.
MOST_PROBES = 8


class Encodings:
    """The encodings that URLs take; one object serves all threads.

    Args:
        usual: ``gzip`` or ``none``: what is tried first.
    """

    def __init__(self, usual: str) -> None:
        self._usual = usual
        #: By URL, the encoding of the last request that was taken.
        self._taken: dict[str, str] = {}
        self._probes: Counter[str] = Counter()

    def of(self, url: str) -> str:
        """Return the encoding for the next request to a URL."""
        return self._taken.get(url, self._usual)

    def add_taken(self, url: str, encoding: str) -> None:
        """Remember that a request was taken."""
        self._taken[url] = encoding
        self._probes.pop(url, None)

    def probe(self, url: str, encoding: str, status: int) -> bool:
        """Tell whether a request is sent once more without compression, and count it.

        Args:
            url: Where it was sent.
            encoding: How.
            status: The HTTP status with which it was refused, or 0.
        """
        # A collector that has taken gzip before finds something else broken.
        suspicious = status == _UNSUPPORTED or (status == _BROKEN and self._taken.get(url) != GZIP)
        if encoding != GZIP or not suspicious or self._probes[url] >= MOST_PROBES:
            return False
        self._probes[url] += 1
        return True


class Body:
    """The body of a request, encoded when it is first sent.

    Args:
        request: Serialized ExportTraceServiceRequest.
        url: Where it is sent.
        encodings: What is known of the encodings there.
    """

    def __init__(self, request: bytes, url: str, encodings: Encodings) -> None:
        self._request = request
        self._url = url
        self._encodings = encodings
        self._encoding = encodings.of(url)

    @functools.cached_property
    def encoded(self) -> bytes:
        """The body as it is sent."""
        return compress(self._request) if self._encoding == GZIP else self._request

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say what it is."""
        headers = {"content-type": "application/x-protobuf"}
        return headers | {"content-encoding": GZIP} if self._encoding == GZIP else headers

    def is_tried_otherwise(self, action: Action, status: int) -> bool:
        """Learn from a response, and tell whether to send the body again in another encoding.

        Args:
            action: What is done about the response otherwise.
            status: Its HTTP status, or 0.
        """
        if action is Action.DELIVERED:
            self._encodings.add_taken(self._url, self._encoding)
            return False
        if action not in _BLAMES_REQUEST or not self._encodings.probe(
            self._url, self._encoding, status
        ):
            return False
        self._encoding = NONE
        del self.encoded
        return True
