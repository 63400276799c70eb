"""Say in one line what an AWS API, or the configuration of its client, complains about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lambda_otel_lite_cdk.cli.errors import UsageProblem


@contextmanager
def explained(needed: str) -> Iterator[None]:
    """Report errors of boto3 on one line.

    Args:
        needed: The IAM actions that the calls need.

    Raises:
        UsageProblem: The API refuses or cannot be reached.
    """
    # They take long to import.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise UsageProblem(
            f"AWS cannot be read: {error}; check credentials, --profile and --region. Needed are "
            f"{needed}"
        ) from error
