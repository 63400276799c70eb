"""Write the pages of the project's site: the guide, and the reference of all public names.

``make docs`` calls it. The reference is pdoc's, from docstrings: https://pdoc.dev/docs/pdoc.html
"""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
import warnings
from pathlib import Path

import pdoc
import pdoc.render

import lambda_otel_lite
import lambda_otel_lite_cdk
from lambda_otel_lite import __version__
from tests.pages import PAGES, README, ROOT

SITE = ROOT / ".cache" / "docs"
MODULES = (lambda_otel_lite_cdk, lambda_otel_lite)
#: A package of the guide's pages, which exists while the site is written.
GUIDE = "guide"
_PICTURES = (".png", ".svg")
_LINK = re.compile(r"""(\]\(|src="|srcset=")(?!\w+:|#)([^)"]+)""")


def main(site: Path = SITE) -> None:
    """Write the site.

    Args:
        site: Folder for its pages.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch, GUIDE)
        package.mkdir()
        for page in PAGES:
            name = "__init__" if page == README else page.stem
            text = _with_links(page, project["urls"]["Repository"])
            code = f"{text!r}\n__docformat__ = 'markdown'\n"
            (package / f"{name}.py").write_text(code, "utf-8")
        sys.path.insert(0, scratch)
        _import_everything()
        # Types that a module imports for type checkers alone are shown as they are written.
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        pdoc.render.configure(docformat="google", mermaid=True, footer_text=__version__)
        pdoc.pdoc(GUIDE, *(module.__name__ for module in MODULES), output_directory=site)
    print(f"docs: wrote {site / 'index.html'}")  # noqa: T201 - for whoever runs it


def _import_everything() -> None:
    """Import each public name.

    These are imported when they are used, which pdoc does not do; and it lets no module start what
    aws_cdk needs, which is Node.
    """
    for module in MODULES:
        vars(module).update({name: getattr(module, name) for name in module.__all__})


def _with_links(page: Path, repository: str) -> str:
    """Return the text of a page with the links that it has on the site.

    Args:
        page: The page.
        repository: Address of the repository, for links to what is no page of the site.
    """

    def led(found: re.Match[str]) -> str:
        return found[1] + _target(found[2], page, repository)

    return _LINK.sub(led, page.read_text("utf-8"))


def _target(link: str, page: Path, repository: str) -> str:
    """Return where a relative link of a page leads on the site."""
    path, hash_, part = link.partition("#")
    target = (page.parent / path).resolve()
    if target == README:
        to = f"{GUIDE}.html" if page == README else f"../{GUIDE}.html"
    elif target in PAGES:
        to = f"{GUIDE}/{target.stem}.html" if page == README else f"{target.stem}.html"
    else:
        kind = "raw" if target.suffix in _PICTURES else "tree" if target.is_dir() else "blob"
        to = f"{repository}/{kind}/main/{target.relative_to(ROOT).as_posix()}"
    return f"{to}{hash_}{part}"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
