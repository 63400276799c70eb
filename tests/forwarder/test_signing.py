"""Signatures are those of AWS's published examples and of botocore."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from otlp_forwarder.aws import Scope
from otlp_forwarder.output.credentials import Credentials, CredentialsError, RoleCredentials
from otlp_forwarder.output.signing import Signer, sign
from tests.forwarder.aws import KEY, SECRET, signed_by_botocore

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
#: Of the examples with a session token.
SESSION = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI"
    "eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0"
    "wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDryp"
    "NC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


@pytest.mark.parametrize(
    ("path", "headers", "body", "token", "signature"),
    [
        ("/", {}, b"", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "/?Param1=value1",
            {},
            b"",
            "",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "/",
            {"my-header1": "VALUE1"},
            b"",
            "",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "/",
            {"content-type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "/",
            {},
            b"",
            SESSION,
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        ),
    ],
)
def test_the_published_examples_are_signed_as_published(
    path: str, headers: dict[str, str], body: bytes, token: str, signature: str
) -> None:
    """https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite/v4 (post-*)."""
    added = sign(
        f"https://example.amazonaws.com{path}",
        headers,
        body,
        scope=Scope("service", "us-east-1"),
        credentials=Credentials(KEY, SECRET, token),
        now=NOW,
    )

    assert added["authorization"].endswith(f"Signature={signature}")
    assert added["x-amz-date"] == "20150830T123600Z"
    assert added.get("x-amz-security-token", "") == token


@pytest.mark.parametrize(
    "url",
    [
        "https://xray.eu-west-1.amazonaws.com/v1/traces",
        "https://xray.eu-west-1.amazonaws.com:443/v1/traces",
        "https://xray.eu-west-1.amazonaws.com:8443/v1/traces",
        "http://127.0.0.1:4318/v1/traces",
        "http://[::1]:4318/v1/traces",
        "https://pipeline.example/a%20b/~c/d$/v1/traces",
        "https://pipeline.example//a/./b/../v1/traces/",
        "https://pipeline.example",
        "https://pipeline.example/v1/traces?b=2&a-c=3&a=%201&a=0&d",
    ],
)
@pytest.mark.parametrize("token", ["", "token/+="])
def test_signatures_are_those_of_botocore(url: str, token: str) -> None:
    headers = {"content-type": "application/x-protobuf", "x-team": "a   b "}
    scope = Scope("xray", "eu-west-1")
    body = b"\x1f\x8b\x00"

    added = sign(
        url, headers, body, scope=scope, credentials=Credentials(KEY, SECRET, token), now=NOW
    )

    expected = signed_by_botocore(
        url, headers, body, added["x-amz-date"], service="xray", region="eu-west-1", token=token
    )
    assert added["authorization"] == expected


class Clock:
    """A clock that is behind the server's."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


def signed(signer: Signer) -> dict[str, str]:
    return signer.sign("https://c.example/v1/traces", {}, b"")


def signer_with(clock: Clock) -> Signer:
    credentials = Credentials(KEY, SECRET)
    return Signer(Scope("xray", "eu-west-1"), lambda: credentials, clock=clock, monotonic=clock)


EXPIRED = (
    b"Signature expired: 20150830T123600Z is now earlier than 20150830T133300Z "
    b"(20150830T133800Z - 5 min.)"
)


@pytest.mark.parametrize(
    ("date", "body", "time"),
    [
        ("Sun, 30 Aug 2015 13:38:00 GMT", b"", "20150830T133800Z"),
        ("", EXPIRED, "20150830T133800Z"),
        # The date may be a cache's or a proxy's.
        ("Sun, 30 Aug 2015 12:36:00 GMT", EXPIRED, "20150830T133800Z"),
    ],
)
def test_the_servers_time_is_taken_once(date: str, body: bytes, time: str) -> None:
    clock = Clock()
    signer = signer_with(clock)

    assert signer.renew(signed(signer), date, body)
    assert signed(signer)["x-amz-date"] == time
    assert not signer.renew(signed(signer), date, body)
    # Nor is another time taken at once, so that a server cannot keep the forwarder busy.
    assert not signer.renew(signed(signer), "Sun, 30 Aug 2015 20:00:00 GMT", b"")
    clock.now += 60
    assert signer.renew(signed(signer), "Sun, 30 Aug 2015 20:00:00 GMT", b"")


@pytest.mark.parametrize(
    ("date", "body"),
    [
        ("", b"not authorized to perform: xray:PutTraceSegments"),
        ("Sun, 30 Aug 2015 12:38:00 GMT", b""),
        ("yesterday", b"(20159930T133800Z - 5 min.)"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", b""),
    ],
)
def test_a_refusal_that_has_nothing_to_do_with_the_time_changes_nothing(
    date: str, body: bytes
) -> None:
    signer = signer_with(Clock())

    assert not signer.renew(signed(signer), date, body)
    assert signed(signer)["x-amz-date"] == "20150830T123600Z"


def test_the_roles_credentials_are_those_of_the_moment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B", "AWS_SESSION_TOKEN": "C"}
    credentials = RoleCredentials(environ)

    assert credentials() == Credentials("A", "B", "C")
    environ |= {"AWS_ACCESS_KEY_ID": "D", "AWS_SESSION_TOKEN": ""}
    assert credentials() == Credentials("D", "B")


def test_elsewhere_botocore_finds_and_renews_them() -> None:
    renewed = iter("12")
    found = SimpleNamespace(
        get_frozen_credentials=lambda: SimpleNamespace(
            access_key=next(renewed), secret_key=SECRET, token=None
        )
    )
    credentials = RoleCredentials({}, find=lambda: found)

    assert [credentials().access_key, credentials().access_key] == ["1", "2"]


def test_credentials_that_are_refused_are_found_anew_but_not_at_each_refusal() -> None:
    """A container's are kept until they end, by a clock that may be wrong."""
    clock = Clock()
    kept = iter("1223")

    def find() -> SimpleNamespace:
        key = next(kept)
        frozen = SimpleNamespace(access_key=key, secret_key=SECRET, token=f"token {key}")
        return SimpleNamespace(get_frozen_credentials=lambda: frozen)

    role = RoleCredentials({}, find)
    signer = Signer(
        Scope("xray", "eu-west-1"), role, forget=role.forget, clock=clock, monotonic=clock
    )
    refused = signed(signer)

    assert signer.renew(refused, "", b"")
    # Another thread's request was signed before.
    assert signer.renew(refused, "", b"")
    assert not signer.renew(signed(signer), "", b"")
    clock.now += 60
    assert not signer.renew(signed(signer), "", b"")
    clock.now += 60
    assert signer.renew(signed(signer), "", b"")


def test_where_there_are_none_the_error_says_so() -> None:
    with pytest.raises(CredentialsError, match="give the function a role"):
        RoleCredentials({}, find=lambda: None)()


def test_keys_are_not_in_what_is_printed_of_credentials() -> None:
    assert "s3cret" not in repr(Credentials("A", "s3cret", "s3cret"))
