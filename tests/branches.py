"""Say which branches of each package no test takes, and fail where too few are taken.

``make coverage`` runs this on what its tests have recorded.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from coverage import Coverage

#: Least share of a package's branches that tests take, in percent.
BAR = 95
PACKAGES = (
    "runtime/lambda_otel_lite",
    "runtime/otlp_forwarder",
    "constructs/lambda_otel_lite_cdk",
)


def main() -> int:
    """Print the table; return 1 where a package is below the bar."""
    coverage = Coverage()
    coverage.load()
    coverage.report()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "coverage.json")
        coverage.json_report(outfile=str(target))
        files: dict[str, dict[str, Any]] = json.loads(target.read_text())["files"]
    shares = {package: _share(package, files) for package in PACKAGES}
    for package, share in shares.items():
        verdict = "" if share >= BAR else f"  below the bar of {BAR} %"
        sys.stdout.write(f"{package:<34}{share:6.1f} % of branches{verdict}\n")
    return int(min(shares.values()) < BAR)


def _share(package: str, files: dict[str, dict[str, Any]]) -> float:
    found = [each["summary"] for name, each in files.items() if name.startswith(f"{package}/")]
    taken, all_of_them = (
        sum(int(each[name]) for each in found) for name in ("covered_branches", "num_branches")
    )
    return 100 * taken / all_of_them


if __name__ == "__main__":
    sys.exit(main())
