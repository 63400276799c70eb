"""Find the proxy for a request."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is reached over HTTP.

    Args:
        host: Its host.
        port: Its port.
        headers: What it is sent besides the request; they may hold a password.
    """

    host: str
    port: int
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """The proxies that the environment names.

    Args:
        https: URL of the proxy for ``https://``, or None.
        http: URL of the proxy for ``http://``, or None.
        none_for: Hosts and domains that are reached without one, separated by commas.
    """

    https: str | None = None
    http: str | None = None
    none_for: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Passwords that nobody but the proxies may know."""
        found = (urlsplit(proxy) for proxy in (self.https, self.http) if proxy)
        pairs = [
            (unquote(url.username or ""), unquote(url.password)) for url in found if url.password
        ]
        return tuple(text for user, word in pairs for text in (word, _basic(user, word)))

    def find(self, origin: str) -> Proxy | None:
        """Return the proxy for an origin, or None if it is reached directly.

        Args:
            origin: Scheme, host and port, such as ``https://collector.example``.
        """
        url = urlsplit(origin)
        proxy = self.https if url.scheme == "https" else self.http
        if proxy is None or self._is_direct(url):
            return None
        found = urlsplit(proxy)
        headers = {}
        if found.username is not None:
            headers["Proxy-Authorization"] = _basic(
                unquote(found.username), unquote(found.password or "")
            )
        return Proxy(found.hostname or "", found.port or 80, headers)

    def _is_direct(self, url: SplitResult) -> bool:
        host = (url.hostname or "").rstrip(".")
        for each in self.none_for.lower().split(","):
            name, _, port = each.strip().partition(":")
            if port and port != str(url.port):
                continue
            # With or without a dot in front, a domain is everything below it too, as curl has it.
            name = name.lstrip("*").lstrip(".")
            if each.strip() == "*" or (name and f".{host}".endswith(f".{name}")):
                return True
        return False


def _basic(user: str, password: str) -> str:
    """Return credentials as https://www.rfc-editor.org/rfc/rfc7617 has them."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
