"""Read the templates that an app would be written with now.

What an app gave to its constructs is not all: `add_property_override` and aspects change what is
deployed. Only a template has everything, and rendering one is quicker than reading its functions
one by one.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import ISynthesisSession, LegacyStackSynthesizer, cx_api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import CfnResource, Stack

    from lambda_otel_lite_cdk.functions.resources import Resources

#: Of what a resource in a template was made. Source:
#: https://docs.aws.amazon.com/cdk/v2/guide/constructs.html
_PATH = "aws:cdk:path"
_ARE_PATHS_WRITTEN = "aws:cdk:enable-path-metadata"


def render(stacks: Mapping[str, Stack]) -> dict[str, Resources]:
    """Return the resources of stacks by logical id, as their templates would have them now.

    References between stacks are as within one: a `Ref` with a logical id of the other stack.

    Args:
        stacks: Stacks of an app, nested ones too, by their construct paths. A `Stack` that Python
            code did not make is another object each time that it is asked for.

    Returns:
        The resources of each stack by the same paths.
    """
    rendered: dict[str, Resources] = {}
    with tempfile.TemporaryDirectory() as folder:
        # To type checkers, what an interface asks for could be set.
        session: Any = _Session(folder)
        for path, stack in stacks.items():
            # A synthesizer of our own writes elsewhere, and to the stack's own nothing happens.
            renderer = _Renderer()
            renderer.bind(stack)
            renderer.write(session)
            text = Path(folder, stack.template_file).read_text("utf-8")
            rendered[path] = json.loads(text).get("Resources", {})
    return rendered


def logical_ids(
    stack: Stack, resources: Mapping[str, CfnResource], rendered: Resources
) -> dict[str, str]:
    """Return the logical ids of resources of a stack, by the same construct paths.

    A template says of each resource which construct it is, unless the app is synthesized without
    path metadata. Asking for it takes a call for each.

    Args:
        stack: The stack.
        resources: The resources by their construct paths.
        rendered: The resources of its template, as `render` returns them.
    """
    said: dict[str, str] = {}
    if stack.node.try_get_context(_ARE_PATHS_WRITTEN):
        paths = {name: one.get("Metadata", {}).get(_PATH) for name, one in rendered.items()}
        # What a template of another app brings with `CfnInclude` may bear a path of this one's.
        often = Counter(paths.values())
        said = {path: name for name, path in paths.items() if path and often[path] == 1}
    asked = {path: one.logical_id for path, one in resources.items() if path not in said}
    known: dict[str, str] = stack.resolve(asked) if asked else {}
    return {path: said.get(path) or known[path] for path in resources}


class _Renderer(LegacyStackSynthesizer):
    """Writes a template and nothing else, where the CDK's own puts together a whole assembly."""

    def write(self, session: ISynthesisSession) -> None:
        """Write the template of the stack that it is bound to."""
        self._synthesize_template(session)


@jsii.implements(ISynthesisSession)
class _Session:
    """What a synthesizer asks for: where it is to write."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._assembly = cx_api.CloudAssemblyBuilder(folder)

    @property
    def outdir(self) -> str:
        return self._folder

    @property
    def assembly(self) -> Any:
        return self._assembly

    @property
    def validate_on_synth(self) -> bool:
        return False
