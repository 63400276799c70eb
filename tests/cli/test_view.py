"""The page that `view`, `receive --view` and `tail --view` serve; the browser is in `tests/e2e`."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.command import COMMAND, ENVIRONMENT, assert_refused, run
from tests.cli.receiving import export, receiving
from tests.cli.records import log_record


def _get(url: str, host: str = "") -> tuple[int, str, http.client.HTTPMessage]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Host": host or parts.netloc})
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


def _traces(url: str, first: int = 0) -> Any:
    status, body, _ = _get(f"{url}traces?from={first}")
    assert status == 200
    return json.loads(body)


@contextmanager
def _viewing(
    log: str, *options: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `view` with a log that has not ended; yield it and the page's address."""
    process = subprocess.Popen(
        [COMMAND, "view", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | environment,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    with process:
        try:
            process.stdin.write(log)
            process.stdin.flush()
            yield process, process.stderr.readline().split()[3].rstrip(";")
        finally:
            process.kill()


def test_a_log_is_shown_as_it_grows() -> None:
    with _viewing(log_record("one") + "\n", "--no-open") as (process, url):
        assert process.stdin is not None
        first = _traces(url)
        assert [span["name"] for span in first["batch"]["spans"]] == ["one"]
        process.stdin.write(log_record("two") + "\n")
        process.stdin.flush()
        second = _traces(url, first["next"])
        assert [span["name"] for span in second["batch"]["spans"]] == ["two"]
        # Who comes later gets both.
        assert len(_traces(url)["batch"]["spans"]) == 2


def test_the_page_is_there_until_ctrl_c_when_the_log_has_ended(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log_record("one"))
    with _viewing("", "--no-open", str(tmp_path / "log")) as (process, url):
        assert len(_traces(url)["batch"]["spans"]) == 1
        status, page, _ = _get(url)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert (status, page[:15]) == (200, "<!doctype html>")
    assert process.returncode == 128 + signal.SIGINT
    assert said == ""


def test_the_browser_is_opened_at_the_page(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    program.chmod(0o755)
    with _viewing(log_record("one") + "\n", BROWSER=f"{program} %s") as (_, url):
        assert _traces(url)["batch"]["spans"]
        assert opened.read_text().strip() == url


def test_filters_say_what_the_page_gets() -> None:
    log = "".join(f"{log_record(name)}\n" for name in ("one", "two"))
    with _viewing(log, "--no-open", "--name", "two") as (process, url):
        assert process.stdin is not None
        process.stdin.close()
        assert [span["name"] for span in _traces(url)["batch"]["spans"]] == ["two"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with receiving("--view", "--no-open") as (process, endpoint):
        assert process.stderr is not None
        url = process.stderr.readline().split()[3].rstrip(";")
        export(endpoint, "secret order")
        yield url


def test_what_was_received_is_on_the_page(url: str) -> None:
    assert [span["name"] for span in _traces(url)["batch"]["spans"]] == ["secret order"]


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("{root}/", ""),
        ("{root}/traces", ""),
        ("{root}/{token}", ""),
        ("{root}/{token}x/traces", ""),
        ("{root}/x{token}/traces", ""),
        ("{root}/{token}/../traces", ""),
        ("{root}/{token}/other", ""),
        ("{root}/%00/traces", ""),
        ("{root}/{token}/traces", "evil.example"),
        ("{root}/{token}/", "evil.example:{port}"),
        ("{root}/{token}/traces", "127.0.0.1"),
    ],
)
def test_nobody_else_can_read_it(path: str, host: str, url: str) -> None:
    parts = urlsplit(url)
    given = {
        "root": f"http://{parts.netloc}",
        "token": parts.path.strip("/"),
        "port": str(parts.port),
    }

    status, body, headers = _get(path.format(**given), host.format(**given))

    assert status == 404
    assert "secret order" not in body
    assert "Access-Control-Allow-Origin" not in headers


def test_the_page_may_not_be_kept_framed_or_told_about(url: str) -> None:
    assert urlsplit(url).hostname == "127.0.0.1"
    assert len(urlsplit(url).path) > 30
    for address in (url, f"{url}traces"):
        _, _, headers = _get(address)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("first", ["-1", "x", "", "1e9"])
def test_a_wrong_place_is_the_first(first: str, url: str) -> None:
    status, body, _ = _get(f"{url}traces?from={first}")

    assert status == 200
    assert "secret order" in body


def test_what_cannot_be_viewed_is_refused_in_one_line(tmp_path: Path) -> None:
    assert_refused(run("receive", "--view", "--json"), "--json and --view contradict")
    assert_refused(run("receive", "--view", "-o", "f"), "--view and --output contradict")
    assert_refused(run("view", "--json"), "--json", "see `lambda-otel view --help`")
    done = run("view", "--no-open", tmp_path / "gone")
    assert done.returncode == 2
    assert "gone" in done.stderr
    done = run("decode", "--no-open", given=log_record())
    assert_refused(done, "--no-open is for --view")
    done = run("view", "--no-open", given="no record\n")
    assert done.returncode == 2
    assert "holds no spans" in done.stderr
