"""README and the pages of `docs`: their code and their tables, wherever these stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = (README, *sorted(DOCS.glob("*.md")))


def blocks(language: str, pages: Iterable[Path] = PAGES) -> list[str]:
    """Return the blocks of code in a language, page after page."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [block for page in pages for block in pattern.findall(page.read_text("utf-8"))]


def snippet(word: str) -> str:
    """Return the block of Python that alone has a word."""
    (found,) = [block for block in blocks("python") if word in block]
    return found


def page_with(text: str) -> Path:
    """Return the page that alone has a text, such as the comment before a table."""
    (found,) = [page for page in PAGES if text in page.read_text("utf-8")]
    return found
