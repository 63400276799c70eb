"""Draw README's pictures of the demo anew: ``make pictures``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.browser import browser, find_chromium

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
#: Where the demo is run, as a user runs it.
FOLDER = ROOT / ".cache" / "pictures"
REPORT = FOLDER / "lambda-otel-demo" / "report.html"
PICTURES = ROOT / "constructs" / "demo"
_BLOCK = re.compile(r"(<!-- drawn by make pictures -->\n```text\n).*?(\n```)", re.DOTALL)


def main() -> None:
    """Run the demo; put what it draws into README and its report's screenshots beside the demo."""
    program = find_chromium()
    if program is None:
        sys.exit("pictures: Chromium is not installed; run `make chromium`")
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", "from lambda_otel_lite_cdk.cli.main import main; main()", "demo"],
        cwd=FOLDER,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    drawn = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    text, count = _BLOCK.subn(lambda found: found[1] + drawn + found[2], README.read_text("utf-8"))
    if count != 1:
        sys.exit("pictures: README.md has no block that is drawn by `make pictures`")
    README.write_text(text, "utf-8")
    with browser(program) as page:
        for name, dark in (("report.png", False), ("report-dark.png", True)):
            page.look(1280, 560, dark=dark, scale=1.5)
            page.open(REPORT.as_uri())
            page.settle()
            # The function's own span, whose details tell most.
            page.evaluate("document.querySelector('#spans-1').click()")
            page.screenshot(PICTURES / name)


if __name__ == "__main__":
    main()
