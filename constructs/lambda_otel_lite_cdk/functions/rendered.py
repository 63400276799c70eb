"""Read the templates that an app would be written with now.

What an app gave to its constructs is not all: `add_property_override` and aspects change what is
deployed. Only a template has everything, and rendering one is quicker than reading its functions
one by one.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import ISynthesisSession, LegacyStackSynthesizer, cx_api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Stack

    from lambda_otel_lite_cdk.functions.resources import Resources


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
            synthesizer = LegacyStackSynthesizer()
            synthesizer.bind(stack)
            synthesizer.synthesize(session)
            text = Path(folder, stack.template_file).read_text("utf-8")
            rendered[path] = json.loads(text).get("Resources", {})
    return rendered


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
