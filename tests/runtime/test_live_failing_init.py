"""A function that cannot be loaded fails as it would without telemetry."""

from pathlib import Path
from typing import Any

import pytest

from .live import environment

MODULES = {
    "missing_import": "import no_such_package\n",
    "bad_syntax": "def handler(:\n",
    "raising": "raise ValueError('init failed')\n",
    "empty": "",
}


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        ("missing_import.handler", "Runtime.ImportModuleError"),
        ("bad_syntax.handler", "Runtime.UserCodeSyntaxError"),
        ("raising.handler", "ValueError"),
        ("empty.handler", "Runtime.HandlerNotFound"),
        ("nowhere.handler", "Runtime.ImportModuleError"),
        ("sys.exit", "Runtime.BuiltInModuleConflict"),
        ("nodot", "Runtime.MalformedHandlerName"),
    ],
)
def test_hazard_20_the_platforms_own_errors(handler: str, error_type: str, tmp_path: Path) -> None:
    """Type, message and the user's lines of the traceback are those of the bare function."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text, "utf-8")

    def error(entry_point: str, module: str = "") -> Any:
        extra = {"LAMBDA_OTEL_HANDLER": module}
        with environment("sync", entry_point, code=tmp_path, extra=extra) as function:
            return function.fail_init()

    bare = error(handler)
    traced = error("lambda_otel_lite_entry.handler", handler)
    assert traced["errorType"] == bare["errorType"] == error_type
    if handler != "nodot":  # The platform's words for it are those of a failed split.
        assert traced["errorMessage"] == bare["errorMessage"]
    assert set(_users(bare)) <= set(_users(traced))


def _users(error: Any) -> list[str]:
    return [line for line in error["stackTrace"] if "raising.py" in line or "bad_syntax" in line]
