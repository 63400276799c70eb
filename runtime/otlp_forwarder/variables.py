"""Every environment variable of the forwarder, declared once as data.

The reading, the error messages and README's table come from `VARIABLES`. A new setting is one row
here and one field of the same name in `otlp_forwarder.settings.ForwarderSettings`.

This module imports nothing of the forwarder. It is the only one that the CDK construct imports:
so what the construct sets is what the function reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

PREFIX = "OTLP_FORWARDER_"
MIB = 1024 * 1024

#: Header names, https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 ("Tokens").
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Headers that describe the request itself: neither a log record nor a secret can change them.
_RESERVED_HEADERS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "host"}
    | {"expect", "te", "trailer", "transfer-encoding", "upgrade"}
)
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
_ARN = re.compile(r"arn:[\w-]+:(secretsmanager:[\w-]+:\d*:secret:|ssm:[\w-]+:\d*:parameter/)\S+")


class SettingsError(ValueError):
    """A variable that the forwarder cannot work with.

    Args:
        name: The variable.
        problem: What is wrong, what is accepted and how to fix it.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.problem = problem


class Kind(Enum):
    """What the text of a variable has to be."""

    URL = "URL"
    URLS = "URLs, separated by commas"
    HEADER_NAMES = "header names, separated by commas"
    ARN = "ARN"
    QUEUE_URL = "queue URL"
    NUMBER = "whole number"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One environment variable.

    Args:
        name: Its name.
        kind: What its text has to be.
        meaning: One sentence about it.
        required: Whether the forwarder refuses to work without it.
        default: What holds where it is not set; None: nothing.
        least: Smallest number that is accepted.
        most: Largest number that is accepted.
        unit: Unit of the number.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    default: int | None = None
    least: int = 0
    most: int = 0
    unit: str = ""

    @property
    def field(self) -> str:
        """The name of its field in the settings."""
        return self.name.removeprefix(PREFIX).lower()

    def parse(self, text: str) -> Any:
        """Return the value that a text stands for.

        Args:
            text: The variable's text; blanks around it do not count. Empty: the variable is not
                set.

        Returns:
            A number, a frozenset of texts, a text, or None where it is not set.

        Raises:
            SettingsError: The text is not accepted. It is shown only if it cannot hold a secret.
        """
        text = text.strip()
        if not text and self.required:
            raise SettingsError(self.name, f"is not set; {_HOW_TO_WRITE_A_URL}")
        return _PARSERS[self.kind](self, text)


ENDPOINT = Variable(
    name="OTLP_FORWARDER_ENDPOINT",
    kind=Kind.URL,
    meaning="Base URL of the collector; `/v1/traces` is appended.",
    required=True,
)
HEADERS_SECRET = Variable(
    name="OTLP_FORWARDER_HEADERS_SECRET",
    kind=Kind.ARN,
    meaning="ARN of the Secrets Manager secret or SSM parameter that holds the request headers.",
)
ALLOWED_ENDPOINTS = Variable(
    name="OTLP_FORWARDER_ALLOWED_ENDPOINTS",
    kind=Kind.URLS,
    meaning="Whole URLs that a log record may choose by its `endpoint`.",
)
ALLOWED_HEADERS = Variable(
    name="OTLP_FORWARDER_ALLOWED_HEADERS",
    kind=Kind.HEADER_NAMES,
    meaning="Headers that a log record may set by its `headers`.",
)
REDRIVE_QUEUE = Variable(
    name="OTLP_FORWARDER_REDRIVE_QUEUE",
    kind=Kind.QUEUE_URL,
    meaning="Queue for what is tried again later; without it an event that was delivered in part "
    "fails as a whole.",
)
DEAD_LETTER_QUEUE = Variable(
    name="OTLP_FORWARDER_DEAD_LETTER_QUEUE",
    kind=Kind.QUEUE_URL,
    meaning="Queue for what the collector refuses; without it the event fails.",
)
MAX_REQUEST_BYTES = Variable(
    name="OTLP_FORWARDER_MAX_REQUEST_BYTES",
    kind=Kind.NUMBER,
    meaning="Size of one request before compression.",
    # What the OpenTelemetry Collector's gRPC receiver accepts by default, the smallest of the
    # common limits: https://github.com/open-telemetry/opentelemetry-collector/blob/main/config/configgrpc/README.md
    default=4 * MIB,
    least=1,
    most=64 * MIB,
    unit="bytes",
)
PARALLEL_REQUESTS = Variable(
    name="OTLP_FORWARDER_PARALLEL_REQUESTS",
    kind=Kind.NUMBER,
    meaning="Requests that are under way at once.",
    default=4,
    least=1,
    most=64,
    unit="requests",
)

VARIABLES = (
    ENDPOINT,
    HEADERS_SECRET,
    ALLOWED_ENDPOINTS,
    ALLOWED_HEADERS,
    REDRIVE_QUEUE,
    DEAD_LETTER_QUEUE,
    MAX_REQUEST_BYTES,
    PARALLEL_REQUESTS,
)


def is_header_name(name: str) -> bool:
    """Tell whether a header of this name can be set, by a log record or by a secret."""
    return bool(_HEADER_NAME.fullmatch(name)) and name.lower() not in _RESERVED_HEADERS


_HOW_TO_WRITE_A_URL = (
    "give http:// or https://, a host and, if needed, a port and a path, without user, password, "
    "query or fragment, for example https://collector.example.com:4318"
)


def _url(variable: Variable, text: str) -> str:
    # The value is not shown: a wrong one is often wrong because it holds a password.
    wrong = SettingsError(variable.name, f"is not the URL of a collector; {_HOW_TO_WRITE_A_URL}")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise wrong from error
    if url.username or url.password or url.query or url.fragment:
        raise wrong
    if not text.isascii() or not text.isprintable() or " " in text:
        raise wrong
    if url.scheme not in {"http", "https"} or not url.hostname or port == 0:
        raise wrong
    return text


def _urls(variable: Variable, text: str) -> frozenset[str]:
    return frozenset(_url(variable, url) for url in _listed(text))


def _header_names(variable: Variable, text: str) -> frozenset[str]:
    for name in _listed(text):
        if not is_header_name(name):
            raise SettingsError(
                variable.name,
                f"has {name!r}; give names of headers that do not describe the request itself, "
                f"separated by commas, for example x-scope-orgid",
            )
    return frozenset(map(str.lower, _listed(text)))


def _arn(variable: Variable, text: str) -> str | None:
    if text and not _ARN.fullmatch(text):
        # The value is not shown: somebody may have put the secret itself here.
        raise SettingsError(
            variable.name,
            "is not the ARN of a Secrets Manager secret or of an SSM parameter; give the ARN, "
            "never the headers themselves",
        )
    return text or None


def _number(variable: Variable, text: str) -> int | None:
    if not text:
        return variable.default
    # A number of 20 digits is out of every range; int() refuses thousands of them.
    if not text.isdecimal() or not variable.least <= int(text[:20]) <= variable.most:
        raise SettingsError(
            variable.name,
            f"is {text!r}; give a whole number of {variable.unit} from {variable.least} to "
            f"{variable.most}, or leave it out for {variable.default}",
        )
    return int(text)


def _listed(text: str) -> list[str]:
    return [name for each in text.split(",") if (name := each.strip())]


_PARSERS: dict[Kind, Callable[[Variable, str], Any]] = {
    Kind.URL: _url,
    Kind.URLS: _urls,
    Kind.HEADER_NAMES: _header_names,
    Kind.ARN: _arn,
    Kind.QUEUE_URL: lambda _, text: text or None,
    Kind.NUMBER: _number,
}
