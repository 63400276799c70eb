"""What a test sees of the report, and does with it."""

from __future__ import annotations

from tests.browser import Page


def texts(page: Page, selector: str) -> list[str]:
    expression = f"[...document.querySelectorAll({selector!r})].map(e => e.textContent)"
    return [str(text) for text in page.evaluate(expression)]


def titles(page: Page) -> list[str]:
    return texts(page, "#traces .row .line:first-child .name")


def rows(page: Page) -> list[str]:
    return [text.partition("|")[0] for text in texts(page, "#spans .label .name")]


def visible(page: Page, selector: str) -> bool:
    return bool(page.evaluate(f"!!document.querySelector({selector!r})?.checkVisibility()"))


def click(page: Page, selector: str) -> None:
    box = page.evaluate(
        f"(r => [r.left + r.width / 2, r.top + r.height / 2])"
        f"(document.querySelector({selector!r}).getBoundingClientRect())"
    )
    page.drag((box[0], box[1]), (box[0], box[1]))


def type_(page: Page, text: str) -> None:
    """Type into the search, and wait until it has searched."""
    page.call("Input.insertText", text=text)
    page.evaluate(
        "new Promise(done => {"
        "  const search = document.querySelector('#search');"
        "  const look = () => search.hasAttribute('aria-busy') || done();"
        "  new MutationObserver(look).observe(search, { attributes: true });"
        "  look();"
        "})"
    )
    page.settle()


def search(page: Page, text: str) -> None:
    page.evaluate("document.querySelector('#search').select()")
    page.press("Delete")
    type_(page, text)
