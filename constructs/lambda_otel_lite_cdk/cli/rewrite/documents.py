"""Read templates to be changed, and write them with everything else as it was.

YAML keeps its comments, its order and the short forms of functions (``!Ref Table``), which
`expression` writes out, as JSON has them:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import TaggedScalar
from ruamel.yaml.error import YAMLError

from lambda_otel_lite_cdk.cli.errors import UsageProblem

#: Wider than any line, so that none is folded.
_WIDTH = 1 << 20
_INDENT = re.compile(r"\{\n( +)")
#: A list that is indented further than its key.
_INDENTED_LIST = re.compile(r"^( *)[\w:'\"]+:[ ]*(?:#.*)?\n\1 +- ", re.MULTILINE)
#: The short forms whose long form does not begin with ``Fn::``.
_PLAIN = ("Ref", "Condition")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A template.

    Args:
        path: Where it was read.
        body: What it holds; change it in place.
        original: The text that was read.
        is_yaml: Whether it is YAML.
    """

    path: Path
    body: MutableMapping[str, Any]
    original: str
    is_yaml: bool
    before: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", _compared(self.body))

    def text(self) -> str:
        """Return it as it is to be written; what nobody has changed is as it was read."""
        if _compared(self.body) == self.before:
            return self.original
        if not self.is_yaml:
            found = _INDENT.match(self.original)
            indent = len(found[1]) if found else None
            return json.dumps(self.body, indent=indent, ensure_ascii=False)
        stream = io.StringIO()
        yaml = _yaml()
        if _INDENTED_LIST.search(self.original):
            yaml.indent(mapping=2, sequence=4, offset=2)
        yaml.dump(self.body, stream)
        return stream.getvalue()


def read_document(path: Path) -> Document:
    """Read a template.

    Args:
        path: A CloudFormation or SAM template, as YAML or JSON.

    Raises:
        UsageProblem: The file cannot be read, or holds no template.
    """
    try:
        text = path.read_text("utf-8")
        is_yaml = not text.lstrip().startswith("{")
        body = _yaml().load(text) if is_yaml else json.loads(text)
    except (OSError, ValueError, YAMLError) as error:
        said = " ".join(str(error).split())
        raise UsageProblem(
            f"{path} cannot be read ({said}); give a CloudFormation or SAM template"
        ) from error
    if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
        raise UsageProblem(f"{path} has no Resources; give a CloudFormation or SAM template")
    return Document(path=path, body=body, original=text, is_yaml=is_yaml)


def resources_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources of a template as JSON has them, without what makes several of them."""
    resources: dict[str, Any] = expression(body["Resources"])
    return {name: one for name, one in resources.items() if isinstance(one, dict)}


def expression(value: Any) -> Any:
    """Return a value of a template as JSON has it, short forms of functions written out."""
    if isinstance(value, TaggedScalar):
        return _function(value.tag.value, value.value)
    if isinstance(value, dict):
        return {str(name): expression(item) for name, item in value.items()}
    if isinstance(value, list):
        items = [expression(item) for item in value]
        tag = getattr(getattr(value, "tag", None), "value", None)
        return _function(tag, items) if tag and tag.startswith("!") else items
    return value


def _compared(body: Any) -> str:
    # Dates of YAML as texts.
    return json.dumps(expression(body), default=str)


def _function(tag: str, argument: Any) -> Any:
    name = tag.removeprefix("!")
    if name == "GetAtt" and isinstance(argument, str):
        argument = argument.split(".", 1)
    return {name if name in _PLAIN else f"Fn::{name}": argument}


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    return yaml
