"""Tell which functions of an assembly are left alone, by all of its templates and its tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.assembly.templates import Template
from lambda_otel_lite_cdk.functions.edge import functions_at_edge
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk, made_by_kind
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason

#: By template and logical id.
type Exempt = Mapping[tuple[Path, str], Explanation]


def exempt_functions(folder: Path, templates: list[Template]) -> Exempt:
    """Return the functions that are left alone whatever is asked, and why.

    Args:
        folder: The assembly.
        templates: Its templates.
    """
    made = set(_made_by_cdk(folder))
    exempt = {
        (template.file, logical_id): Reason.MADE_BY_CDK.because()
        for template in templates
        for logical_id, path in template.paths.items()
        if path in made or is_made_by_cdk(path)
    }
    exports = dict(_exports(templates))
    at_edge = functions_at_edge(
        {str(one.file): _without_imports(one.resources, exports) for one in templates}
    )
    return exempt | {(Path(file), id_): Reason.AT_EDGE.because() for file, id_ in at_edge}


def _made_by_cdk(folder: Path) -> Iterator[str]:
    """Yield the paths of what constructs of the CDK make for themselves."""
    try:
        tree = json.loads((folder / "tree.json").read_text("utf-8"))["tree"]
    except (OSError, ValueError, KeyError):
        # The app may be told not to write it.
        return
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        nodes += node.get("children", {}).values()
        kind = node.get("constructInfo", {}).get("fqn", "")
        module, _, name = kind.rpartition(".")
        if module.startswith("aws-cdk-lib."):
            yield from (f"{node['path']}/{made}" for made in made_by_kind(name))


def _exports(templates: list[Template]) -> Iterator[tuple[str, Any]]:
    for template in templates:
        body = json.loads(template.file.read_text("utf-8"))
        for output in body.get("Outputs", {}).values():
            if isinstance(name := output.get("Export", {}).get("Name"), str):
                yield name, output.get("Value")


def _without_imports(value: Any, exports: Mapping[str, Any]) -> Any:
    """Return a value with what other stacks export in the place of its imports."""
    match value:
        case {"Fn::ImportValue": str(name)} if name in exports:
            return exports[name]
        case dict():
            return {name: _without_imports(item, exports) for name, item in value.items()}
        case list():
            return [_without_imports(item, exports) for item in value]
    return value
