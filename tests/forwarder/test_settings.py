"""Which endpoints are accepted, and what they become."""

from __future__ import annotations

import botocore.loaders
import pytest

from otlp_forwarder.aws import Scope
from otlp_forwarder.settings import ForwarderSettings
from otlp_forwarder.values import SettingsError


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://collector.example", "https://collector.example/v1/traces"),
        ("https://collector.example/", "https://collector.example/v1/traces"),
        ("http://10.0.0.1:4318", "http://10.0.0.1:4318/v1/traces"),
        ("https://[::1]:4318/otlp/", "https://[::1]:4318/otlp/v1/traces"),
        (" https://collector.example\n", "https://collector.example/v1/traces"),
        ("https://collector.example/v1/traces", "https://collector.example/v1/traces"),
        ("https://collector.example/otlp/v1/traces/", "https://collector.example/otlp/v1/traces"),
        ("https://collector.example/x?tenant=1", "https://collector.example/x/v1/traces?tenant=1"),
        ("https://c.example/v1/traces?a=b&c", "https://c.example/v1/traces?a=b&c"),
    ],
)
def test_the_path_of_traces_is_appended_unless_it_is_there(endpoint: str, url: str) -> None:
    settings = ForwarderSettings.from_environ({"OTLP_FORWARDER_ENDPOINT": endpoint})

    assert settings.traces_url == url


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "collector.example:4318",
        "grpc://collector.example",
        "https://",
        "https://collector.example:port",
        "https://collector.example:0",
        "https://collector.example:99999",
        "https://[::1",
        "https://user:secret@collector.example",
        "https://collector.example/?key=secret#secret",
        "https://user:secret@[::1",
        "https://collector.example/#secret",
        "https://collector.example/a secret",
        "https://collector.example/s\u00e9cret",
        "https://collector.example/se\ncret",
    ],
)
def test_anything_else_is_refused_without_showing_it(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="OTLP_FORWARDER_ENDPOINT") as error:
        ForwarderSettings.from_environ({"OTLP_FORWARDER_ENDPOINT": endpoint})

    assert "cret" not in str(error.value)


def test_a_missing_endpoint_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"OTLP_FORWARDER_ENDPOINT is not set; give http"):
        ForwarderSettings.from_environ({})


ENVIRON = {"OTLP_FORWARDER_ENDPOINT": "https://collector.example"}


def test_lists_and_numbers_are_read() -> None:
    settings = ForwarderSettings.from_environ(
        ENVIRON
        | {
            "OTLP_FORWARDER_ALLOWED_ENDPOINTS": "https://eu.example/v1/traces, https://us.example/x,",
            "OTLP_FORWARDER_ALLOWED_HEADERS": "X-Scope-OrgID",
            "OTLP_FORWARDER_PARALLEL_REQUESTS": "8",
            "OTLP_FORWARDER_MAX_REQUEST_BYTES": "",
        }
    )

    assert settings.allowed_endpoints == {"https://eu.example/v1/traces", "https://us.example/x"}
    assert settings.allowed_headers == {"x-scope-orgid"}
    assert settings.parallel_requests == 8
    assert settings.max_request_bytes == 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (
            "OTLP_FORWARDER_PARALLEL_REQUESTS",
            "0",
            "'0'; give a whole number of requests from 1 to 64",
        ),
        ("OTLP_FORWARDER_PARALLEL_REQUESTS", "many", "leave it out for 4"),
        ("OTLP_FORWARDER_MAX_REQUEST_BYTES", "9" * 5000, "from 1 to 67108864"),
        ("OTLP_FORWARDER_ALLOWED_HEADERS", "host", "'host'"),
        (
            "OTLP_FORWARDER_COMPRESSION",
            "zstd",
            "'zstd'; give gzip or none, or leave it out for gzip",
        ),
        ("OTLP_FORWARDER_TIMEOUT", "10s", "from 1 to 300000"),
        ("OTLP_FORWARDER_SIGV4_SERVICE", "X Ray", "'X Ray'; give lower-case letters"),
        ("OTLP_FORWARDER_ENDPOINT", "https://c.example:0/x", "'https://c.example:0...', which has"),
        ("OTLP_FORWARDER_ALLOWED_HEADERS", "a:b", "'a:b'"),
        ("OTLP_FORWARDER_OVERFLOW_BUCKET", "s3://overflow", "give the name alone, without s3://"),
        ("OTLP_FORWARDER_ALLOWED_ENDPOINTS", "*", "is '*', which does not begin with http"),
    ],
)
def test_a_value_that_is_not_accepted_is_refused(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=variable) as error:
        ForwarderSettings.from_environ(ENVIRON | {variable: value})

    assert said in str(error.value)


def test_a_secret_in_place_of_its_arn_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="OTLP_FORWARDER_HEADERS_SECRET") as error:
        ForwarderSettings.from_environ(ENVIRON | {"OTLP_FORWARDER_HEADERS_SECRET": "api-key=123"})

    assert "123" not in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTLP_FORWARDER_HEADERS", "s3cret"),
        ("OTLP_FORWARDER_HEADERS", "host=s3cret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=s3cret%0d%0ab: c"),
        ("OTLP_FORWARDER_CLIENT_KEY", "-----BEGIN PRIVATE KEY-----\ns3cret"),
        ("HTTPS_PROXY", "socks5://me:s3cret@proxy:1080"),
        ("https_proxy", "http://me:s3cret@proxy:99999"),
    ],
)
def test_what_may_hold_a_secret_is_refused_by_the_name_that_is_set_and_not_shown(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} is .*; give ") as error:
        ForwarderSettings.from_environ(ENVIRON | {variable: value})

    assert "s3cret" not in str(error.value)


def test_a_forwarder_is_set_by_the_names_that_exporters_know() -> None:
    settings = ForwarderSettings.from_environ(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example/otlp",
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20MTIz,x-team=a%2Cb",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "5000",
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "7000",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/opt/ca.pem",
        }
    )

    assert settings.traces_url == "https://collector.example/otlp/v1/traces"
    assert settings.headers == {"authorization": "Basic MTIz", "x-team": "a,b"}
    assert (settings.compression, settings.timeout) == ("none", 7000)
    assert settings.certificate == "/opt/ca.pem"


WHOLE = "https://whole.example/api/v0.2/traces"


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"OTLP_FORWARDER_TRACES_ENDPOINT": WHOLE}, WHOLE),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": WHOLE}, WHOLE),
        (ENVIRON | {"OTLP_FORWARDER_TRACES_ENDPOINT": WHOLE}, WHOLE),
        (
            ENVIRON | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": WHOLE},
            "https://collector.example/v1/traces",
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": WHOLE,
            },
            WHOLE,
        ),
    ],
)
def test_a_url_for_traces_is_taken_as_it_is(environ: dict[str, str], url: str) -> None:
    """One that is meant for any exporter does not win over the forwarder's own variable."""
    assert ForwarderSettings.from_environ(environ).traces_url == url


def partitions() -> list[tuple[str, str]]:
    """Return a region and the DNS suffix of each partition that botocore knows."""
    known = botocore.loaders.Loader().load_data("partitions")["partitions"]
    regions = [(next(r for r in p["regions"] if "global" not in r), p["outputs"]) for p in known]
    return [
        (region, outputs[suffix])
        for region, outputs in regions
        for suffix in ("dnsSuffix", "dualStackDnsSuffix")
    ]


@pytest.mark.parametrize(("region", "suffix"), partitions())
def test_requests_to_cloudwatch_are_signed_in_every_partition(region: str, suffix: str) -> None:
    for host in (f"xray.{region}.{suffix}", f"xray-fips.{region}.{suffix}"):
        settings = ForwarderSettings.from_environ({"OTLP_FORWARDER_ENDPOINT": f"https://{host}"})

        assert settings.signed_for == Scope("xray", region)


@pytest.mark.parametrize(
    ("environ", "scope"),
    [
        ({"AWS_REGION": "eu-west-1"}, None),
        (
            {"AWS_REGION": "eu-west-1", "OTLP_FORWARDER_SIGV4_SERVICE": "osis"},
            Scope("osis", "eu-west-1"),
        ),
        (
            {
                "OTLP_FORWARDER_ENDPOINT": "https://xray.us-east-1.amazonaws.com",
                "AWS_REGION": "eu-west-1",
            },
            Scope("xray", "us-east-1"),
        ),
        ({"OTLP_FORWARDER_ENDPOINT": "https://xray.us-east-1.amazonaws.com.example"}, None),
        (
            {"OTLP_FORWARDER_ENDPOINT": "https://vpce-0a-1b.xray.us-east-1.vpce.amazonaws.com"},
            Scope("xray", "us-east-1"),
        ),
    ],
)
def test_other_requests_are_signed_only_on_demand(
    environ: dict[str, str], scope: Scope | None
) -> None:
    assert ForwarderSettings.from_environ(ENVIRON | environ).signed_for == scope


def test_a_signature_needs_a_region() -> None:
    with pytest.raises(SettingsError, match=r"^OTLP_FORWARDER_SIGV4_REGION is not set, but"):
        ForwarderSettings.from_environ(ENVIRON | {"OTLP_FORWARDER_SIGV4_SERVICE": "osis"})
