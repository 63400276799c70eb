"""What ``lambda-otel cost`` knows of overheads, from the figures that ``make bench`` keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lambda_otel_lite_cdk.cli.cost.overhead import FILE
from tests.benchmarks import lines, report
from tests.benchmarks.subjects import BARE, CONTRIB, DATADOG, LITE, OWN, OWN_UNKEPT, XRAY

FIGURES = Path(__file__).parent / "results" / "figures.json"
COLD = "cold start to first response"
WARM = {1: "warm call, sync, 1 spans", 21: "warm call, sync, 21 spans"}
#: By the name that the command knows: what is measured, and what writes its line.
_WAYS = {
    "this": (OWN, lines.NATIVE),
    "this, not kept": (OWN_UNKEPT, None),
    "lambda-otel-lite 0.15": (LITE, lines.PACKAGE),
    "adot": (CONTRIB, None),
    "xray": (XRAY, None),
    "datadog": (DATADOG, None),
}

Figures = Mapping[str, Mapping[str, float]]


def overheads(figures: Figures) -> dict[str, object]:
    """Return what each way adds to the bare handler, and the bytes of its lines.

    Args:
        figures: Medians by figure and subject, as `tests.benchmarks.report.load` returns them.
    """
    found: dict[str, object] = {}
    for name, (subject, writer) in _WAYS.items():
        # An invocation that is not kept costs less than one that is; where it was not measured, the
        # same is said of both.
        row = subject if subject in figures[COLD] else OWN
        found[name] = {
            "row": row,
            "cold_ms": _above_bare(figures[COLD], row),
            "call_us": {
                str(spans): _above_bare(figures[figure], row) for spans, figure in WARM.items()
            },
            "line_bytes": {
                str(spans): figures[lines.figure_name(spans)][writer] for spans in lines.SIZES
            }
            if writer
            else {},
        }
    return found


def _above_bare(medians: Mapping[str, float], row: str) -> float:
    return round(medians[row] - medians[BARE], 1)


def written(figures: Figures) -> str:
    """Return the command's file."""
    return json.dumps(overheads(figures), indent=2) + "\n"


def save() -> None:
    """Write the command's file from the figures that are kept."""
    FILE.write_text(written(report.load(FIGURES)), "utf-8")


if __name__ == "__main__":
    save()
