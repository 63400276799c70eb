"""What a row of the table of variables holds, by its kind. Only type checkers read this."""

from typing import Literal, NotRequired, TypedDict


class _Row(TypedDict):
    """What every row says."""

    #: The variable.
    name: str
    #: The field of `Settings` and of `TelemetrySettings`.
    setting: str
    #: A sentence that names neither default nor range, which are taken from the row.
    meaning: str
    #: The value that the CDK package sets unless the user sets another.
    constructs: NotRequired[str]


class Text(_Row):
    """Any text that is not empty."""

    kind: Literal["text"]
    default: str | None
    #: What comes before the default, in words.
    otherwise: NotRequired[str]


class Choice(_Row):
    """One of some words, in any case."""

    kind: Literal["choice"]
    accepted: tuple[str, ...]
    default: str


class Switch(_Row):
    """``true`` or ``false``, in any case."""

    kind: Literal["switch"]
    default: bool


class Level(_Row):
    """A log level, in any case."""

    kind: Literal["level"]
    accepted: tuple[str, ...]
    #: What holds where it is not set, in words.
    otherwise: str


class WholeNumber(_Row):
    """A whole number within a range, the ends included."""

    kind: Literal["whole number"]
    accepted: tuple[int, int]
    default: int
    #: What holds where it is not set, in words; nobody reads the default then.
    otherwise: NotRequired[str]
    unit: NotRequired[str]


class Fraction(_Row):
    """A number within a range, the ends included."""

    kind: Literal["fraction"]
    accepted: tuple[int, int]
    default: int


class Names(_Row):
    """Names separated by commas: some of the accepted ones, or any where none is listed."""

    kind: Literal["names"]
    accepted: tuple[str, ...]
    default: tuple[str, ...]


class OptIn(_Row):
    """Names separated by commas, of which others read those that are not accepted here."""

    kind: Literal["opt-in"]
    accepted: tuple[str, ...]
    default: str


class Pairs(_Row):
    """``key=value,key2=value2``, the values percent-encoded."""

    kind: Literal["pairs"]


class Rule(TypedDict):
    """One of `Rules`."""

    name: str
    #: A sentence, as of every row.
    meaning: str
    #: The number that it takes is within these, the ends included. Without: it takes none.
    accepted: NotRequired[tuple[int, int]]
    unit: NotRequired[str]


class Rules(_Row):
    """Rules separated by commas, each by its name, or as ``name=number`` if it takes a number."""

    kind: Literal["rules"]
    accepted: tuple[Rule, ...]


class Reference(_Row):
    """One of some names, or ``module:function`` of the user's own code."""

    kind: Literal["reference"]
    accepted: tuple[str, ...]
    default: str


#: What the runtime reads.
type Readable = (
    Text | Choice | Switch | Level | WholeNumber | Names | OptIn | Pairs | Reference | Rules
)
type Variable = Readable | Fraction
