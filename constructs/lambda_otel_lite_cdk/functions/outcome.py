"""What became of each function of an app, and the coverage report that keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.errors import ReportError
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Name of the report in the cloud assembly.
REPORT = "telemetry-coverage.json"
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a function.

    Args:
        function: Its construct path.
        stack: Construct path of its stack.
        template: File name of its stack's template.
        logical_id: Its logical id in the template.
        status: Whether it is instrumented, and where it is not, whether it could be.
        code: Why it is not instrumented, None where it is.
        reason: The same in words, empty where it is instrumented.
        mode: Processing mode, empty where it is not instrumented.
        service: Service name, empty for the function's own name.
        overridden: Variables for which the function's own value holds.
        layer: Logical id of its telemetry layer in the template, or the ARN of a published one.
        layer_bytes: Size of that layer, unzipped, in bytes; 0 where it is not known.
        acknowledged: Checks that were acknowledged for it, by id, with the reason.
    """

    function: str
    stack: str
    status: Status
    template: str = ""
    logical_id: str = ""
    code: Reason | None = None
    reason: str = ""
    mode: str = ""
    service: str = ""
    overridden: tuple[str, ...] = ()
    layer: str = ""
    layer_bytes: int = 0
    acknowledged: Mapping[str, str] = field(default_factory=dict)

    def but(self, why: Explanation) -> Outcome:
        """Return the outcome of the same function, where it is not instrumented.

        Args:
            why: Why it is not.
        """
        return replace(self, status=why.reason.status, code=why.reason, reason=why.text)


def name_of(layer: Any) -> str:
    """Return how a report names a layer: its logical id, its ARN, or the JSON of an expression.

    Args:
        layer: What a function in a template has among its layers.
    """
    if isinstance(layer, str):
        return layer
    if isinstance(layer, dict) and isinstance(layer.get("Ref"), str):
        return str(layer["Ref"])
    return json.dumps(layer, sort_keys=True)


def write_report(folder: Path, outcomes: Iterable[Outcome]) -> None:
    """Write the report of an app, or of a stage, into its cloud assembly."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.function)
    content = {"version": 1, "functions": [asdict(outcome) for outcome in ordered]}
    (folder / REPORT).write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def read_report(folder: Path) -> dict[tuple[str, str], Outcome]:
    """Return the outcomes of a report by template and logical id; none where there is no report.

    Raises:
        ReportError: The report is not one that `write_report` wrote.
    """
    try:
        text = (folder / REPORT).read_text("utf-8")
    except FileNotFoundError:
        return {}
    try:
        outcomes = [_read(one) for one in json.loads(text)["functions"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(
            f"{folder / REPORT} is not a coverage report ({type(error).__name__}: {error}); "
            f"synthesize again"
        ) from error
    return {(outcome.template, outcome.logical_id): outcome for outcome in outcomes}


def _read(written: dict[str, Any]) -> Outcome:
    values = {
        **written,
        "status": Status(written["status"]),
        "code": written["code"] and _REASONS[written["code"]],
        "overridden": tuple(written["overridden"]),
    }
    return Outcome(**values)
