"""The tables of the forwarder's page: ``python -m tests.forwarder.documentation`` writes them."""

from __future__ import annotations

from collections.abc import Iterable

from lambda_otel_lite_cdk import Dash0, Datadog, GrafanaCloud, Honeycomb, NewRelic
from otlp_forwarder.output.responses import RULES
from otlp_forwarder.values import Variable
from otlp_forwarder.variables import VARIABLES
from tests.pages import page_with

PAGE = page_with("<!-- forwarder variables -->")


def with_tables(text: str) -> str:
    """Return the page's text with the forwarder's tables as the code has them.

    Args:
        text: The page, where each table stands between ``<!-- NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: The page has no such place for a table, or more than one.
    """
    variables = [
        [
            f"`{v.name}`",
            "" if v.default is None else f"`{v.default}`",
            _accepted(v),
            f"{v.meaning}{_also(v)}",
        ]
        for v in VARIABLES
    ]
    responses = [[rule.after, rule.action.does, rule.action.keeper] for rule in RULES]
    backends = [
        [
            f"[`{each.__name__}`]({each.preset.page})",
            f"`{each.preset.url}`",
            ", ".join(f"`{site}`" for site in each.preset.sites) or "as its page tells you",
            f"`{each.preset.header}`",
        ]
        for each in (Honeycomb, GrafanaCloud, NewRelic, Datadog, Dash0)
    ]
    tables = {
        "backends": _table("backend|address|sites|header in the secret", backends),
        "forwarder variables": _table("variable|default|accepted|meaning", variables),
        "forwarder responses": _table(
            "response|what the forwarder does|who keeps the spans", responses
        ),
    }
    for name, table in tables.items():
        before, *after = text.split(f"<!-- {name} -->\n")
        if len(after) != 1 or "<!-- end -->" not in after[0]:
            raise ValueError(f"the page has {len(after)} places for the table {name!r}, not one")
        _, end, rest = after[0].partition("<!-- end -->")
        text = f"{before}<!-- {name} -->\n{table}{end}{rest}"
    return text


def _accepted(variable: Variable) -> str:
    if variable.most:
        return f"{variable.least} to {variable.most} {variable.unit}"
    if variable.choices:
        return " or ".join(f"`{choice}`" for choice in variable.choices)
    return variable.kind.value


def _also(variable: Variable) -> str:
    return f" Else {', '.join(f'`{name}`' for name in variable.also)}." if variable.also else ""


def _table(head: str, rows: Iterable[list[str]]) -> str:
    names = head.split("|")
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
