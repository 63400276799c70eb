"""``lambda-otel forwarder``: the forwarder for those who deploy it without the CDK."""

from __future__ import annotations

import io
from pathlib import Path

import click
from ruamel.yaml import YAML

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.errors import BundlingError
from lambda_otel_lite_cdk.forwarding.template import forwarder_template
from lambda_otel_lite_cdk.layer.archive import pack
from lambda_otel_lite_cdk.layer.build import stage_package

#: Enough of the hash to tell two versions apart: a zip under another key is deployed anew.
_HASH_DIGITS = 16


@click.command()
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write.",
)
def forwarder(output: Path) -> None:
    """Write the forwarder's code and a CloudFormation template, for Terraform and SAM.

    Upload the zip to a bucket, and deploy the template with the parameter CodeBucket: by `aws
    cloudformation deploy`, or Terraform's aws_cloudformation_stack. The other parameters say where
    the spans go and which log groups are forwarded. The output ForwarderArn is what
    `lambda-otel instrument --forward-to` takes.
    """
    try:
        staged = stage_package("otlp_forwarder")
    except BundlingError as error:
        raise UsageProblem(str(error)) from error
    archive = output / f"otlp-forwarder-{staged.asset_hash[:_HASH_DIGITS]}.zip"
    template = output / "otlp-forwarder.yaml"
    yaml, text = YAML(), io.StringIO()
    # CloudFormation takes no aliases.
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump(forwarder_template(archive.name), text)
    try:
        output.mkdir(parents=True, exist_ok=True)
        pack(staged.path, archive)
        template.write_text(text.getvalue(), "utf-8")
    except OSError as error:
        raise UsageProblem(
            f"the forwarder cannot be written to {output} ({error}); give another folder"
        ) from error
    click.echo(f"{template}\n{archive}")
