"""Templates as the command leaves them, without a process for each."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from lambda_otel_lite_cdk import TelemetrySettings
from lambda_otel_lite_cdk.cli.rewrite.documents import expression
from lambda_otel_lite_cdk.cli.rewrite.findings import MadeLayer
from lambda_otel_lite_cdk.cli.rewrite.template import (
    Instrumented,
    Origin,
    Wanted,
    instrument_template,
)

LAYER = "LambdaOtelLiteLayerPython313"
FORWARDER = "arn:aws:lambda:eu-west-1:123456789012:function:forwarder"


class Template:
    """A template that is instrumented, once or more often."""

    def __init__(self, text: str) -> None:
        self._yaml = YAML()
        self._body = self._yaml.load(text)

    def instrument(self, **options: Any) -> Instrumented:
        settings = TelemetrySettings(**options.pop("settings", {}))
        origin = Origin(stack="shop", file="template.yaml")
        wanted = Wanted(settings=settings, **options)
        return instrument_template(self._body, wanted, _layer, origin)

    @property
    def text(self) -> str:
        stream = io.StringIO()
        self._yaml.dump(self._body, stream)
        return stream.getvalue()

    @property
    def resources(self) -> dict[str, Any]:
        """The resources, as JSON has them."""
        found: dict[str, Any] = expression(self._body["Resources"])
        return found

    @property
    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = expression(self._body["Outputs"])
        return found

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {name: one for name, one in self.resources.items() if one.get("Type") == kind}


def _layer(python: str, package_for: str | None) -> MadeLayer:
    content = {"Content": "layer.zip", "CompatibleRuntimes": [f"python{python}"]}
    resource = {"Type": "AWS::Lambda::LayerVersion", "Properties": content}
    return MadeLayer(resource=resource, python=python, package_for=package_for)
