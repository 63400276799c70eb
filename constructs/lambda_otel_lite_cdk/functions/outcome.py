"""Keep what became of each function of an app: the coverage report."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Name of the report in the cloud assembly.
REPORT = "telemetry-coverage.json"

INSTRUMENTED = "instrumented"
#: Not instrumented, and nobody needs to change that.
SKIPPED = "skipped"
#: Not instrumented, and it could be.
MISSING = "missing"

MADE_BY_CDK = "made by the CDK for itself"
NOT_ASKED = "nothing asks for it to be instrumented"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a function.

    Args:
        function: Its construct path.
        stack: Construct path of its stack.
        template: File name of its stack's template.
        logical_id: What it is called in the template.
        status: ``"instrumented"``, ``"skipped"`` or ``"missing"``.
        reason: Why it is not instrumented, empty where it is.
        mode: Processing mode, empty where it is not instrumented.
        service: Service name, empty for the function's own name.
        overridden: Variables for which the function's own value holds.
        layer: Id of its telemetry layer in the stack, or the ARN of a published one.
        layer_bytes: Size of that layer, unzipped, in bytes; 0 where it is not known.
        acknowledged: Checks that were acknowledged for it, by id, with the reason.
    """

    function: str
    stack: str
    status: str
    template: str = ""
    logical_id: str = ""
    reason: str = ""
    mode: str = ""
    service: str = ""
    overridden: tuple[str, ...] = ()
    layer: str = ""
    layer_bytes: int = 0
    acknowledged: Mapping[str, str] = field(default_factory=dict)


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
        found: list[dict[str, Any]] = json.loads(text)["functions"]
        outcomes = [Outcome(**{**one, "overridden": tuple(one["overridden"])}) for one in found]
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(
            f"{folder / REPORT} is no coverage report ({type(error).__name__}: {error}); "
            f"synthesize again"
        ) from error
    return {(outcome.template, outcome.logical_id): outcome for outcome in outcomes}
