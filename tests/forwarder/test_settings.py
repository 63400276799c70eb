"""Which endpoints are accepted, and what they become."""

from __future__ import annotations

import pytest

from otlp_forwarder.settings import ForwarderSettings, SettingsError


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

    assert settings.traces_url.geturl() == url


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
    with pytest.raises(SettingsError, match="OTLP_FORWARDER_ENDPOINT"):
        ForwarderSettings.from_environ({})
