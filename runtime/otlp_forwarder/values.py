"""What the text of a variable may be: kinds of values, and how each is read and refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from otlp_forwarder.headers import decoded_headers, header_pairs, is_header_name

#: What the names of the forwarder's own variables begin with.
PREFIX = "OTLP_FORWARDER_"
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
_ARN = re.compile(r"arn:[\w-]+:(secretsmanager:[\w-]+:\d*:secret:|ssm:[\w-]+:\d*:parameter/)\S+")
#: Names of AWS services and regions.
_NAME = re.compile(r"[a-z0-9-]{2,63}")
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: Of a URL that is refused, what cannot be a secret: scheme, host and port.
_HARMLESS = re.compile(r"([\w+.-]+://)?[^/?#@\s]*(?![^/?#]*@)")


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
    HEADERS = "`name=value`, separated by commas, percent-encoded"
    HEADER_NAMES = "header names, separated by commas"
    ARN = "ARN"
    PEM = "path of a file, or ARN"
    PROXY = "`http://` URL"
    HOSTS = "hosts, separated by commas"
    NAME = "name"
    CHOICE = "one of"
    QUEUE_URL = "queue URL"
    BUCKET = "name of a bucket"
    NUMBER = "whole number"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One environment variable.

    Args:
        name: Its name.
        kind: What its text has to be.
        meaning: One sentence about it.
        also: Other names that are read where it is not set, in this order.
        default: What holds where it is not set; None: nothing.
        choices: What a CHOICE may be.
        least: Smallest number that is accepted.
        most: Largest number that is accepted.
        unit: Unit of the number.
    """

    name: str
    kind: Kind
    meaning: str
    also: tuple[str, ...] = ()
    default: int | str | None = None
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    unit: str = ""

    @property
    def field(self) -> str:
        """The name of its field in the settings."""
        return self.name.removeprefix(PREFIX).lower()

    def source(self, environ: Mapping[str, str]) -> str | None:
        """Return which of its names is set in an environment; the first one counts."""
        return next(
            (name for name in (self.name, *self.also) if environ.get(name, "").strip()), None
        )

    def read(self, environ: Mapping[str, str]) -> Any:
        """Return its value in an environment.

        Raises:
            SettingsError: The text is not accepted; the error has the name that was set.
        """
        name = self.source(environ)
        return self.parse(environ[name] if name else "", name)

    def parse(self, text: str, name: str | None = None) -> Any:
        """Return the value that a text stands for.

        Args:
            text: The variable's text; blanks around it do not count. Empty: the variable is not
                set.
            name: What an error calls the variable. Default: its name.

        Returns:
            A number, a frozenset of texts, a mapping of headers, a text, or None where it is not
            set.

        Raises:
            SettingsError: The text is not accepted. It is shown only if it cannot hold a secret.
        """
        try:
            return _PARSERS[self.kind](self, text.strip())
        except ValueError as error:
            raise SettingsError(name or self.name, str(error)) from None


#: What the parsers below accept, as the messages say it.
HOW_TO_WRITE_A_URL = (
    "give http:// or https://, a host and, if needed, a port, a path and a query, without user, "
    "password or fragment, for example https://collector.example.com:4318"
)


def _url(_: Variable, text: str) -> str | None:
    if not text:
        return None
    if problem := _problem_of_url(text):
        # Not shown as a whole: a wrong one is often wrong because it holds a password.
        shown = _HARMLESS.match(text)
        start = shown[0] if shown else ""
        rest = "..." if len(start) < len(text) else ""
        raise ValueError(f"is {start + rest!r}, which {problem}; {HOW_TO_WRITE_A_URL}")
    return text


def _problem_of_url(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        return "has a blank or a character that is not printable ASCII (percent-encode it)"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return "has a bad host or port"
    problems = {
        "does not begin with http:// or https://": url.scheme not in {"http", "https"},
        "has a user or password": "@" in url.netloc,
        "has no host": not url.hostname,
        "has the port 0": port == 0,
        "has a fragment": "#" in text,
    }
    return next((problem for problem, found in problems.items() if found), "")


def _urls(variable: Variable, text: str) -> frozenset[str]:
    return frozenset(url for each in listed(text) if (url := _url(variable, each)))


def _headers(_: Variable, text: str) -> Mapping[str, str]:
    if not text:
        return {}
    headers = decoded_headers(header_pairs(text))
    if headers is None:
        # The value is not shown: it may hold a secret.
        raise ValueError(
            "is not a list of headers; give name=value,name2=value2, percent-encoded, with "
            "printable ASCII values and without headers that describe the request itself"
        )
    return headers


def _header_names(_: Variable, text: str) -> frozenset[str]:
    for name in listed(text):
        if not is_header_name(name):
            raise ValueError(
                f"has {name!r}; give names of headers that do not describe the request itself, "
                f"separated by commas, for example x-scope-orgid"
            )
    return frozenset(map(str.lower, listed(text)))


def _arn(_: Variable, text: str) -> str | None:
    if text and not is_secret_arn(text):
        # The value is not shown: somebody may have put the secret itself here.
        raise ValueError(
            "is not the ARN of a Secrets Manager secret or of an SSM parameter; give the ARN, "
            "never the headers themselves"
        )
    return text or None


def is_secret_arn(text: str) -> bool:
    """Tell whether a text is the ARN of a Secrets Manager secret or of an SSM parameter."""
    return bool(_ARN.fullmatch(text))


def _pem(_: Variable, text: str) -> str | None:
    if text and not is_secret_arn(text) and ("\n" in text or text.startswith(("arn:", "-----"))):
        raise ValueError(
            "is neither a path nor the ARN of a Secrets Manager secret or SSM parameter; give "
            "where the PEM text is kept, never the text itself"
        )
    return text or None


def _proxy(_: Variable, text: str) -> str | None:
    if not text:
        return None
    # Without a scheme it is http, as curl has it.
    text = text if "://" in text else f"http://{text}"
    try:
        url = urlsplit(text)
        usable = url.scheme == "http" and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        # The value is not shown: it may hold a password.
        raise ValueError(
            "is not the URL of a proxy; give http://HOST:PORT, with USER:PASSWORD@ before the host "
            "if the proxy asks for it"
        )
    return text


def _hosts(_: Variable, text: str) -> str:
    return text


def _name(_: Variable, text: str) -> str | None:
    if text and not _NAME.fullmatch(text):
        raise ValueError(f"is {text!r}; give lower-case letters, digits and hyphens, as AWS does")
    return text or None


def _bucket(_: Variable, text: str) -> str | None:
    if text and not _BUCKET.fullmatch(text):
        raise ValueError(
            f"is {text!r}, which is no bucket's name; give the name alone, without s3:// and path"
        )
    return text or None


def _choice(variable: Variable, text: str) -> str:
    chosen = text.lower() or str(variable.default)
    if chosen not in variable.choices:
        raise ValueError(
            f"is {text!r}; give {' or '.join(variable.choices)}, or leave it out for "
            f"{variable.default}"
        )
    return chosen


def _number(variable: Variable, text: str) -> int | None:
    if not text:
        return None if variable.default is None else int(variable.default)
    # A number of 20 digits is out of every range; int() refuses thousands of them.
    if not text.isdecimal() or not variable.least <= int(text[:20]) <= variable.most:
        raise ValueError(
            f"is {text!r}; give a whole number of {variable.unit} from {variable.least} to "
            f"{variable.most}, or leave it out for {variable.default}"
        )
    return int(text)


def listed(text: str) -> list[str]:
    """Return what commas separate, without blanks around it."""
    return [name for each in text.split(",") if (name := each.strip())]


_PARSERS: dict[Kind, Callable[[Variable, str], Any]] = {
    Kind.URL: _url,
    Kind.URLS: _urls,
    Kind.HEADERS: _headers,
    Kind.HEADER_NAMES: _header_names,
    Kind.ARN: _arn,
    Kind.PEM: _pem,
    Kind.PROXY: _proxy,
    Kind.HOSTS: _hosts,
    Kind.NAME: _name,
    Kind.CHOICE: _choice,
    Kind.BUCKET: _bucket,
    Kind.QUEUE_URL: lambda _, text: text or None,
    Kind.NUMBER: _number,
}
