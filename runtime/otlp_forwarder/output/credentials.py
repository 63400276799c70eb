"""What requests to AWS are signed with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class CredentialsError(Exception):
    """There is nothing to sign with; the text holds nothing of a key."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a function's role signs with.

    Args:
        access_key: Access key id.
        secret_key: Secret access key.
        token: Session token, or nothing.
    """

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


class RoleCredentials:
    """The credentials of the function's role, as they are at the moment.

    Lambda keeps them in the environment; where it does not (SnapStart, other hosts), botocore finds
    them and renews them. Source:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime

    Args:
        environ: The process environment.
        find: Returns botocore's credentials, or None.
    """

    def __init__(self, environ: Mapping[str, str], find: Callable[[], Any] | None = None) -> None:
        self._environ = environ
        self._find = find or _find_credentials
        self._found: Any = None

    def __call__(self) -> Credentials:
        """Return the credentials.

        Raises:
            CredentialsError: There are none.
        """
        environ = self._environ
        access_key = environ.get("AWS_ACCESS_KEY_ID", "")
        secret_key = environ.get("AWS_SECRET_ACCESS_KEY", "")
        if access_key and secret_key:
            return Credentials(access_key, secret_key, environ.get("AWS_SESSION_TOKEN", ""))
        try:
            self._found = self._found or self._find()
            frozen = self._found and self._found.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001
            # The kinds of errors are those of botocore, which is not imported here.
            raise CredentialsError(f"the role's credentials cannot be read: {error}") from None
        if not frozen:
            raise CredentialsError(
                "requests are to be signed, but there are no credentials; give the function a role"
            )
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

    def forget(self) -> None:
        """Have them found anew: they were refused, though by this clock they hold."""
        self._found = None


def _find_credentials() -> Any:
    import botocore.session  # noqa: PLC0415 - slow to import, and hardly ever needed

    return botocore.session.get_session().get_credentials()
