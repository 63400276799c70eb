"""What the release workflow asks before it publishes, against a site and an index on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.pages import ROOT

pytestmark = pytest.mark.once

GUARD = ROOT / "requirements/release_guard.py"
WORKFLOW = ROOT / ".github/workflows/release.yml"


class _Pages(BaseHTTPRequestHandler):
    pages: dict[str, Any]

    def do_GET(self) -> None:
        page = self.pages.get(self.path)
        self.send_response(404 if page is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def pages() -> dict[str, Any]:
    """What the site answers, by path."""
    return {"/docs": "reference", "/us": "code"}


@pytest.fixture
def site(pages: dict[str, Any]) -> Iterator[str]:
    handler = type("Handler", (_Pages,), {"pages": pages})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def guard(folder: Path, site: str) -> subprocess.CompletedProcess[str]:
    """Run the guard for a project whose addresses are on the site, which is the index too."""
    project = folder / "pyproject.toml"
    project.write_text(
        f'[project]\nname = "ours"\n'
        f'[project.urls]\nDocumentation = "{site}/docs"\nRepository = "{site}/us"\n'
    )
    return subprocess.run(
        [sys.executable, GUARD, "--project", project, "--index", site],
        capture_output=True,
        text=True,
        check=False,
    )


def described(repository: str) -> dict[str, Any]:
    return {"info": {"project_urls": {"Repository": repository}}}


def test_a_free_name_and_links_that_answer_may_be_published(tmp_path: Path, site: str) -> None:
    done = guard(tmp_path, site)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_this_projects_may_be_published(
    tmp_path: Path, site: str, pages: dict[str, Any]
) -> None:
    pages["/pypi/ours/json"] = described(f"{site}/us")

    assert guard(tmp_path, site).returncode == 0


def test_a_name_that_is_taken_is_refused(tmp_path: Path, site: str, pages: dict[str, Any]) -> None:
    pages["/pypi/ours/json"] = described("https://example.com/theirs")
    done = guard(tmp_path, site)

    assert done.returncode == 1
    assert f"the name ours on {site} belongs to https://example.com/theirs" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("description", ["no project", {"info": {}}])
def test_an_index_that_does_not_say_is_refused(
    description: Any, tmp_path: Path, site: str, pages: dict[str, Any]
) -> None:
    pages["/pypi/ours/json"] = description
    done = guard(tmp_path, site)

    assert done.returncode == 1
    assert "does not say whose the name is" in done.stderr


def test_a_link_that_leads_nowhere_is_refused(
    tmp_path: Path, site: str, pages: dict[str, Any]
) -> None:
    del pages["/docs"]
    done = guard(tmp_path, site)

    assert done.returncode == 1
    assert f"Documentation in project.urls of pyproject.toml is {site}/docs" in done.stderr
    assert "HTTP Error 404" in done.stderr


def test_what_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    done = guard(tmp_path, "http://127.0.0.1:1")

    assert done.returncode == 1
    assert done.stderr.count("Connection refused") == 3
    assert "Traceback" not in done.stderr


def test_the_workflow_publishes_after_the_site_and_the_guard() -> None:
    jobs = YAML(typ="safe").load(WORKFLOW)["jobs"]
    runs = {name: [step.get("run") for step in job.get("steps", [])] for name, job in jobs.items()}

    assert [jobs[name]["needs"] for name in ("publish", "guard", "site")] == [
        "guard",
        "site",
        "build",
    ]
    assert "python requirements/release_guard.py" in runs["guard"]
    assert "make docs" in runs["build"]
    assert {"path": ".cache/docs/"} in [step.get("with") for step in jobs["build"]["steps"]]
