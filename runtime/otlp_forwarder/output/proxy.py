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

    def find(self, url: SplitResult) -> Proxy | None:
        """Return the proxy for a URL, or None if it is reached directly."""
        proxy = self.https if url.scheme == "https" else self.http
        if proxy is None or self._is_direct(url):
            return None
        found = urlsplit(proxy)
        headers = {}
        if found.username is not None:
            pair = f"{unquote(found.username)}:{unquote(found.password or '')}"
            token = base64.b64encode(pair.encode()).decode("ascii")
            headers["Proxy-Authorization"] = f"Basic {token}"
        return Proxy(found.hostname or "", found.port or 80, headers)

    def _is_direct(self, url: SplitResult) -> bool:
        # It knows hosts, domains and ports, as most tools read the variable.
        from urllib.request import proxy_bypass_environment  # noqa: PLC0415 - only with a proxy

        return bool(proxy_bypass_environment(url.netloc, {"no": self.none_for}))
