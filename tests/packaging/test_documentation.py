"""What README says and what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from lambda_otel_lite.configuration.variables import ENTRY_POINT
from tests.libraries.libraries import LIBRARIES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_entry_point_exists_in_the_runtime() -> None:
    module, _, attribute = ENTRY_POINT.rpartition(".")
    path = ROOT / "runtime" / (module.replace(".", "/") + ".py")

    assert re.search(rf"^{attribute} = ", path.read_text(), re.MULTILINE)


def test_readme_names_the_libraries_that_are_tried() -> None:
    (named,) = re.findall(r"^`make libraries` .*?: (.*?)\.(?: |$)", README, re.MULTILINE)

    assert named.split(", ") == [*LIBRARIES]
