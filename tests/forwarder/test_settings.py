"""Which endpoints are accepted, and what they become."""

from __future__ import annotations

import pytest

from otlp_forwarder.settings import ForwarderSettings
from otlp_forwarder.variables import SettingsError


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://collector.example", "https://collector.example/v1/traces"),
        ("https://collector.example/", "https://collector.example/v1/traces"),
        ("http://10.0.0.1:4318", "http://10.0.0.1:4318/v1/traces"),
        ("https://[::1]:4318/otlp/", "https://[::1]:4318/otlp/v1/traces"),
        (" https://collector.example\n", "https://collector.example/v1/traces"),
    ],
)
def test_the_path_of_traces_is_appended_to_the_base_url(endpoint: str, url: str) -> None:
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
        "https://collector.example?key=secret",
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
        ("OTLP_FORWARDER_ALLOWED_HEADERS", "a:b", "'a:b'"),
        ("OTLP_FORWARDER_ALLOWED_ENDPOINTS", "*", "not the URL of a collector"),
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
