"""Refuse to publish a release whose links lead nowhere, or whose name belongs to somebody else.

Called by the release workflow: ``python requirements/release_guard.py``. It reads the name and the
addresses from ``pyproject.toml``, their only declaration, and asks each address and the index.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: The index's description of a project: https://docs.pypi.org/api/json/
DESCRIPTION = "{index}/pypi/{name}/json"
#: Seconds for one answer.
TIMEOUT = 30
#: The address by which a project on the index is known to be this one.
OWN = "Repository"


def main(arguments: list[str] | None = None) -> int:
    """Print what is wrong.

    Args:
        arguments: Command line without the program's name; None takes the process's own.

    Returns:
        Exit status: 0 when the release may be published, 1 otherwise.
    """
    parser = argparse.ArgumentParser(description="Say whether a release may be published.")
    parser.add_argument("--project", type=Path, default=ROOT / "pyproject.toml")
    parser.add_argument("--index", default="https://pypi.org")
    options = parser.parse_args(arguments)
    project = tomllib.loads(options.project.read_text("utf-8"))["project"]
    found = [*dead_links(project["urls"]), *foreign(project, options.index)]
    for problem in found:
        print(f"release: {problem}", file=sys.stderr)
    return 1 if found else 0


def dead_links(urls: dict[str, str]) -> Iterator[str]:
    """Yield a line for each address that does not answer.

    Args:
        urls: The table ``project.urls``.
    """
    for name, url in urls.items():
        try:
            answer(url)
        except OSError as error:
            yield (
                f"{name} in project.urls of pyproject.toml is {url}, which does not answer "
                f"({error}); correct it, or publish what it names first"
            )


def foreign(project: dict[str, Any], index: str) -> Iterator[str]:
    """Yield a line if the name on the index is another project's.

    Args:
        project: The table ``project``.
        index: Address of the index.
    """
    url = DESCRIPTION.format(index=index, name=project["name"])
    try:
        there = json.loads(answer(url))["info"]["project_urls"] or {}
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            yield f"{url} does not say whose the name is ({error}); run the release again"
        return
    except (OSError, ValueError, LookupError, TypeError) as error:
        yield f"{url} does not say whose the name is ({error}); run the release again"
        return
    if there.get(OWN) != project["urls"][OWN]:
        owner = there.get(OWN) or "another project"
        yield (
            f"the name {project['name']} on {index} belongs to {owner}, not to "
            f"{project['urls'][OWN]}; choose another in pyproject.toml"
        )


def answer(url: str) -> bytes:
    """Return what an address answers.

    Raises:
        OSError: Nothing, or an error.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "release-guard"})  # noqa: S310 - from pyproject.toml
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - the same
        content: bytes = response.read()
    return content


if __name__ == "__main__":
    sys.exit(main())
