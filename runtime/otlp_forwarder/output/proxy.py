"""Find the proxy for a request."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from otlp_forwarder.output.origins import PORTS


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
        none_for: Hosts, domains, addresses and networks that are reached without one, separated by
            commas; each may have a port. ``*``: all.
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
        entries = (each.strip() for each in self.none_for.lower().split(","))
        return any(_names(each, url) for each in entries if each)


def _names(entry: str, url: SplitResult) -> bool:
    """Tell whether an entry of NO_PROXY names who a URL is about."""
    host = (url.hostname or "").rstrip(".")
    if entry == "*":
        return True
    if "/" in entry:
        with suppress(ValueError):  # Not an address, or not a network.
            return ip_address(host) in ip_network(entry, strict=False)
        return False
    name, port = _divided(entry)
    if port and port != str(url.port or PORTS.get(url.scheme)):
        return False
    with suppress(ValueError):
        return ip_address(name) == ip_address(host)
    # With or without a dot in front, a domain is everything below it too, as curl has it.
    name = name.removeprefix("*").strip(".")
    return bool(name) and f".{host}".endswith(f".{name}")


def _divided(entry: str) -> tuple[str, str]:
    """Return host and port; the address of IPv6 stands in brackets where a port follows."""
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, port.removeprefix(":")
    if entry.count(":") > 1:
        return entry, ""
    name, _, port = entry.partition(":")
    return name, port


def _basic(user: str, password: str) -> str:
    """Return credentials as https://www.rfc-editor.org/rfc/rfc7617 has them."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
