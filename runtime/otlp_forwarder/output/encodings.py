"""Learn which content encoding a collector takes."""

from __future__ import annotations

from collections import Counter

from otlp_forwarder.input.compression import compress

GZIP, NONE = "gzip", "none"

#: "Unsupported Media Type" is also what is said to an encoding that is not supported,
#: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3. A collector that takes no notice of the
#: encoding sees a broken request.
_UNSUPPORTED, _BROKEN = 415, 400
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


def encode(request: bytes, encoding: str) -> tuple[bytes, dict[str, str]]:
    """Return the body of a request, and the headers that say how it is encoded.

    Args:
        request: Serialized ExportTraceServiceRequest.
        encoding: ``gzip`` or ``none``.
    """
    headers = {"content-type": "application/x-protobuf"}
    if encoding == GZIP:
        return compress(request), {**headers, "content-encoding": GZIP}
    return request, headers
