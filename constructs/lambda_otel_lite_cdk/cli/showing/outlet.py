"""Send what a source holds to an OTLP endpoint, by the forwarder's own means."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.forwarding.addresses import PRESETS, Preset
from otlp_forwarder.send import Sender
from otlp_forwarder.values import SettingsError

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

#: The variables with headers of OpenTelemetry's exporters, the one that wins first. Source:
#: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options
_HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
#: Bytes that are sent together, and seconds that they may wait for others.
_TOGETHER, _LONGEST_WAIT = 1024 * 1024, 1.0
#: Seconds in which they have to be taken.
_PATIENCE = 30.0
#: Reasons that are shown.
_MOST_REASONS = 3

NAMES = {name.lower(): preset for name, preset in PRESETS.items()}


class Outlet:
    """Send the requests that come; a sink.

    Args:
        to: A URL, or the name of a backend, with its site after a colon.
        environ: Holds the headers, and the other variables of OpenTelemetry's exporters. Default:
            the process environment.

    Attributes:
        spans: Number of spans taken from the source.
        is_full: Whether the endpoint takes no more.

    Raises:
        UsageProblem: It is neither, or a variable is missing or not accepted.
    """

    def __init__(self, to: str, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.spans = 0
        self.is_full = False
        self._waiting: list[bytes] = []
        self._size = 0
        self._since = 0.0
        source, headers = next(
            ((name, environ[name]) for name in _HEADERS if environ.get(name)), (_HEADERS[1], "")
        )
        url = to
        if "://" not in to:
            preset, url = _known(to, environ)
            headers = _with_headers_of(preset, headers, to)
        try:
            self._sender = Sender(url, headers, environ)
        except SettingsError as error:
            name = str(error).partition(" ")[0]
            what = source if name == "headers" else name if name in environ else "--to"
            raise UsageProblem(f"{what} {error.problem}") from None

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Take a request, and send it with those before it when they are large enough."""
        self.spans += sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(data := request.SerializeToString())
        self._size += len(data)
        if self._size >= _TOGETHER:
            self._send()

    def note(self, line: LogLine) -> None:
        """Do nothing: OTLP's traces have no log lines."""

    def pause(self) -> None:
        """Send what has waited for some time."""
        if time.monotonic() - self._since >= _LONGEST_WAIT:
            self._send()

    def end(self) -> None:
        """Send the rest."""
        self._send()
        self._sender.close()

    def report(self) -> None:
        """Say how many spans were taken.

        Raises:
            UsageProblem: The endpoint does not work, or does not know who sends.
            CheckFailed: It refused spans.
        """
        counts, url = self._sender.sent.counts, self._sender.url
        if counts.spans or not self.is_full:
            click.echo(
                f"{url} took {counts.spans} of {self.spans} span(s), in {counts.requests} "
                f"request(s)",
                err=True,
            )
        reasons = self._sender.sent.reasons.most_common(_MOST_REASONS)
        said = "; ".join(f"{reason} ({spans} spans)" for reason, spans in reasons)
        if self.is_full:
            raise UsageProblem(
                f"{url} does not take spans: {said}; check the address, and the headers in "
                f"{_HEADERS[1]}"
            )
        if counts.rejected or counts.malformed:
            raise CheckFailed(f"{url} refused spans: {said}")

    def _send(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        if waiting and not self.is_full:
            self.is_full = not self._sender.send(waiting, _PATIENCE)


def _known(to: str, environ: Mapping[str, str]) -> tuple[Preset, str]:
    """Return the backend that a name stands for, and its address."""
    name, _, site = to.partition(":")
    preset = NAMES.get(name.lower())
    if preset is None:
        # What stands before an @ may be a password.
        shown = f"...{to[at:]}" if (at := to.rfind("@")) >= 0 else to
        raise UsageProblem(
            f"--to is {shown!r}, which is no URL, and no backend that is known; give http:// or "
            f"https:// and a host, such as http://localhost:4318, or one of {', '.join(NAMES)}"
        )
    if preset is PRESETS["CloudWatch"]:
        site = site or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
        site = site and f"{site}.amazonaws.com{'.cn' if site.startswith('cn-') else ''}"
    site = site or next(iter(preset.sites), "")
    if not site:
        raise UsageProblem(f"--to {to} has no site; give {name}:SITE, as {preset.page} tells it")
    return preset, preset.url.format(site=site)


def _with_headers_of(preset: Preset, headers: str, to: str) -> str:
    """Add what a backend wants to the headers of the environment."""
    given = {pair.partition("=")[0].strip().lower() for pair in headers.split(",")}
    if preset.header and preset.header.lower() not in given:
        raise UsageProblem(
            f"--to {to} needs the header {preset.header}; set {_HEADERS[1]}={preset.header}=..., "
            f"see {preset.page}"
        )
    more = [f"{name}={value}" for name, value in preset.headers.items() if name not in given]
    return ",".join([*([headers] if headers else []), *more])
