"""A real receiver, arize-phoenix, takes what the forwarder sends and shows it by its own API.

It needs a hundred packages, so it is run on demand: ``make phoenix`` installs it apart from the
project's own packages.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import run
from tests.forwarder.emulated import emulated_forwarder
from tests.forwarder.fleet import function_lines
from tests.forwarder.samples import subscription_event

pytestmark = pytest.mark.phoenix

ROOT = Path(__file__).parents[2]
COMMAND = os.environ.get("PHOENIX", ".cache/phoenix/bin/phoenix")


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Phoenix with nothing in it."""
    folder = tmp_path_factory.mktemp("phoenix")
    free = ("127.0.0.1", 0)
    with socket.create_server(free) as one, socket.create_server(free) as other:
        port, grpc_port = one.getsockname()[1], other.getsockname()[1]
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [Path(COMMAND).absolute(), "serve"], env=environment, stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(600):
                assert server.poll() is None, (folder / "log").read_text()
                if is_ready(address):
                    break
                time.sleep(0.1)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def spans_in(address: str, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Return the spans that Phoenix has by their ids, once these are among them."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(300):
        url = f"{address}/v1/projects/default/spans/otlpv1?limit=1000"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                spans = json.load(response)["data"]
            found = {span["span_id"]: span for span in spans}
            assert len(found) == len(spans)
        except urllib.error.HTTPError as error:
            # The project is made with its first span.
            if error.code != 404:
                raise
        if found.keys() >= ids:
            break
        time.sleep(0.1)
    return found


def texts(attributes: list[dict[str, Any]]) -> dict[str, str]:
    """Return the attributes of a span in OTLP's JSON that are texts."""
    found = ((each["key"], each["value"]["string_value"]) for each in attributes)
    return {key: text for key, text in found if text is not None}


def test_phoenix_shows_the_trace_of_the_demo(phoenix: str, tmp_path: Path) -> None:
    """One trace from the API through the queue to the worker, as the functions made it."""
    done = run("demo", "--json", "--endpoint", phoenix, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    printed = {span["span_id"]: span for span in map(json.loads, done.stdout.splitlines())}
    services = {span["resource"]["service.name"] for span in printed.values()}
    assert services == {"api", "orders", "worker"}
    shown = spans_in(phoenix, set(printed))
    for span_id, span in printed.items():
        there = shown[span_id]
        assert there["trace_id"] == span["trace_id"]
        assert there["parent_span_id"] == span["parent_id"]
        assert there["name"] == span["name"]
        made = {key: text for key, text in span["attributes"].items() if isinstance(text, str)}
        assert texts(there["attributes"]) == made


def test_phoenix_shows_every_span_as_the_functions_made_it(phoenix: str) -> None:
    ids: set[bytes] = set()
    lines = [line for n in range(4) for line in function_lines(f"function-{n}", 100, ids)]

    with emulated_forwarder(phoenix) as forwarder:
        result = forwarder.invoke(subscription_event(*lines))

    assert result.error is None, result
    assert result.payload["spans"] == 400
    made = {span_id.hex() for span_id in ids}
    shown = spans_in(phoenix, made)
    assert {shown[span_id]["name"] for span_id in made} == {"GET /orders/{id}", "query"}
