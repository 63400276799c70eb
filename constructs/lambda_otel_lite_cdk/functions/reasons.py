"""Why a function is not instrumented: every reason there is, with its text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Status(StrEnum):
    """What became of a function."""

    INSTRUMENTED = "instrumented"
    #: Not instrumented, and nobody needs to change that.
    SKIPPED = "skipped"
    #: Not instrumented yet: its turn in the rollout comes later.
    WAITING = "waiting"
    #: Not instrumented, although it could be.
    MISSING = "missing"


class Reason(StrEnum):
    """Why a function is not instrumented.

    A row is a name for programs, the status that follows, and a text for people. What is in braces
    in the text is filled in by `because`.

    Attributes:
        status: What the function's status is for this reason.
        text: The reason in words.
    """

    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-at-edge-function-restrictions.html
    AT_EDGE = (
        "at-edge",
        Status.SKIPPED,
        "Lambda@Edge takes neither layers nor environment variables",
    )
    MADE_BY_CDK = "made-by-cdk", Status.SKIPPED, "made by the CDK for itself"
    FORWARDER = "forwarder", Status.SKIPPED, "it forwards the telemetry of the others"
    OPTED_OUT = "opted-out", Status.SKIPPED, "opted out at {scope}: {why}"
    TAGGED_OFF = "tagged-off", Status.SKIPPED, "tagged {tag}=off"
    LEFT_OUT = "left-out", Status.SKIPPED, "left out by a predicate: {why}"
    NOT_CHOSEN = "not-chosen", Status.SKIPPED, "left out by {option}"
    WEB_ADAPTER = (
        "web-adapter",
        Status.SKIPPED,
        "Lambda Web Adapter starts {handler!r} instead of importing it",
    )
    SCRIPT = "script", Status.SKIPPED, "its handler {handler!r} is a script, not a Python function"
    IMAGE = "image", Status.SKIPPED, "a container image takes no layer"
    NOT_PYTHON = "not-python", Status.SKIPPED, "its runtime is {runtime}, not Python"

    NOT_ASKED = "not-asked", Status.MISSING, "nothing asks for it to be instrumented"
    EXPRESSION = (
        "expression",
        Status.MISSING,
        "its {name} is known at deployment only. Write it out in the template.",
    )
    NOT_DEPLOYED = (
        "not-deployed",
        Status.MISSING,
        "what is deployed is not instrumented. Deploy the app again.",
    )
    NOT_YET = "not-yet", Status.WAITING, "not among the first {percent:g} % of the functions"
    CFN_FUNCTION = (
        "cfn-function",
        Status.MISSING,
        "a CfnFunction is not instrumented; make it a Function",
    )
    SAM_FUNCTION = (
        "sam-function",
        Status.MISSING,
        (
            "a function of the Serverless Application Model is not instrumented; run `lambda-otel "
            "instrument` on the assembly, or make it a Function"
        ),
    )
    MADE_TOO_LATE = (
        "made-too-late",
        Status.MISSING,
        "it was made after the last aspect; make it before, or in an aspect",
    )
    UNSUPPORTED_IMAGE = (
        "unsupported-image",
        Status.MISSING,
        (
            "a container image takes no layer. Copy what `lambda-otel layer` builds to /opt in "
            "the image, set its command to {entry_point!r} and {variable} to the function's own "
            "handler."
        ),
    )
    UNSUPPORTED_RUNTIME = (
        "unsupported-runtime",
        Status.MISSING,
        (
            "its runtime is {runtime!r}; accepted are {accepted}. Move the function to one of "
            "them, or do not instrument it."
        ),
    )
    NEWER_RUNTIME = (
        "newer-runtime",
        Status.MISSING,
        (
            "its runtime is {runtime!r}, and the newest that this version knows are {accepted}. "
            "Upgrade lambda-otel-lite-cdk, or try it with TelemetrySettings(newer_python=True)."
        ),
    )
    UNKNOWN_HANDLER = (
        "unknown-handler",
        Status.MISSING,
        (
            "its handler is {entry_point!r} and {variable} is not set, so that the function's own "
            "handler is not known. Pass the function's own handler as `handler`."
        ),
    )
    HANDLER_OVERRIDDEN = (
        "handler-overridden",
        Status.MISSING,
        "its Handler is overridden in the template: {handler!r} in place of {entry_point!r}",
    )
    VARIABLE_OVERRIDDEN = (
        "variable-overridden",
        Status.MISSING,
        "{variable} is overridden in the template: the function's own handler is not known",
    )
    LAYERS_OVERRIDDEN = (
        "layers-overridden",
        Status.MISSING,
        "its Layers are overridden in the template: {layer} is not among them",
    )

    status: Status
    text: str

    def __new__(cls, name: str, status: Status, text: str) -> Self:
        """Make a member that is equal to its name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.status = status
        member.text = text
        return member

    def because(self, **values: Any) -> Explanation:
        """Return the reason with its text filled in.

        Args:
            values: What stands for the names in braces.
        """
        return Explanation(self, self.text.format(**values))


@dataclass(frozen=True)
class Explanation:
    """Why one function is not instrumented.

    Args:
        reason: Which reason it is.
        text: The reason in words, for this function.
    """

    reason: Reason
    text: str
