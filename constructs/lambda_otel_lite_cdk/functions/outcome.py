"""What became of each function of an app, and the coverage report that keeps it."""

from __future__ import annotations

import hashlib
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
#: Type of the metadata in an assembly's manifest that names its report.
REPORT_ENTRY = "lambda-otel-lite:report"
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


def write_report(folder: Path, outcomes: Iterable[Outcome]) -> str:
    """Write the report of an app, or of a stage, into its cloud assembly.

    Returns:
        The report's id, which the assembly's manifest has to hold under `REPORT_ENTRY`: the folder
        is never emptied, so that a report in it may be of an earlier synth.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.function)
    functions = [asdict(outcome) for outcome in ordered]
    report_id = hashlib.sha256(json.dumps(functions, sort_keys=True).encode()).hexdigest()
    content = {"version": 1, "id": report_id, "functions": functions}
    (folder / REPORT).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    return report_id


def read_report(folder: Path) -> dict[tuple[str, str], Outcome]:
    """Return the outcomes of a report by template and logical id; none if there is no report.

    A report of an earlier synth is none.

    Raises:
        ReportError: The report is not one that `write_report` wrote.
    """
    try:
        text = (folder / REPORT).read_text("utf-8")
    except FileNotFoundError:
        return {}
    try:
        report = json.loads(text)
        outcomes = [_read(one) for one in report["functions"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(
            f"{folder / REPORT} is not a coverage report ({type(error).__name__}: {error}); "
            f"synthesize again"
        ) from error
    if report.get("id") not in _reports_of(folder):
        return {}
    return {(outcome.template, outcome.logical_id): outcome for outcome in outcomes}


def _reports_of(folder: Path) -> set[str]:
    """Return the ids of the reports that an assembly's manifest names."""
    found: set[str] = set()
    try:
        artifacts = json.loads((folder / "manifest.json").read_text("utf-8"))["artifacts"]
        for artifact in artifacts.values():
            metadata = dict(artifact.get("metadata", {}))
            # Newer versions of the CDK write it to a file of its own.
            if separate := artifact.get("additionalMetadataFile"):
                metadata |= json.loads((folder / separate).read_text("utf-8"))
            entries = [entry for every in metadata.values() for entry in every]
            found |= {entry["data"] for entry in entries if entry["type"] == REPORT_ENTRY}
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        # Not an assembly, as those who read its templates say.
        return found
    return found


def _read(written: dict[str, Any]) -> Outcome:
    values = {
        **written,
        "status": Status(written["status"]),
        "code": written["code"] and _REASONS[written["code"]],
        "overridden": tuple(written["overridden"]),
    }
    return Outcome(**values)
