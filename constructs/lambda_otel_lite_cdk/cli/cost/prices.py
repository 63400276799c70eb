"""Read what things cost, and compute what an amount of them does."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lambda_otel_lite_cdk.cli.errors import UsageProblem

#: Every price with the page that it was read from and the day, by region and name.
FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a thing costs.

    Args:
        usd: Dollars for `per` of it, of the first step where there are steps; None: not found.
        per: How many that buys.
        unit: What is counted.
        page: Where it was read, which is not always the seller's page: the tables of some are
            filled in by a script. Where it was not found, the seller's page. Empty: given.
        read: The day that it was read, such as ``"2026-11-26"``; ``"given"`` for what was given.
        note: What else to know.
        tiers: Steps: up to how many of it, and dollars for `per` there.
    """

    usd: float | None
    per: float
    unit: str
    page: str
    read: str
    note: str = ""
    tiers: tuple[tuple[float | None, float], ...] = ()

    def of(self, amount: float) -> float:
        """Return what an amount costs in a month, in dollars; NaN if the price is not known.

        What is free in an account is not taken off: the functions themselves use it.
        """
        if self.usd is None:
            return math.nan
        left, dollars, begin = amount, 0.0, 0.0
        for end, usd in self.tiers or ((None, self.usd),):
            size = (math.inf if end is None else end) - begin
            dollars += min(left, size) * usd / self.per
            left -= min(left, size)
            begin += size
        return dollars


@dataclass(frozen=True)
class Prices:
    """The prices of a region.

    Args:
        region: Its name.
        prices: What each thing costs, by its name.
    """

    region: str
    prices: Mapping[str, Price]

    def cost(self, name: str, amount: float) -> float:
        """Return what an amount of something costs in a month, in dollars; NaN: not known."""
        return self.prices[name].of(amount)

    def unknown(self) -> list[str]:
        """Return the names of what no price was found of."""
        return [name for name, price in self.prices.items() if price.usd is None]


def read_prices(region: str, given: Iterable[str] = ()) -> Prices:
    """Return the prices of a region.

    Args:
        region: Its name, such as ``"us-east-1"``.
        given: Prices in place of those here, each as ``NAME=USD``.

    Raises:
        UsageProblem: The region or a price is not known, or a price is no number.
    """
    regions = json.loads(FILE.read_text("utf-8"))
    if region not in regions:
        raise UsageProblem(
            f"--region {region}: prices are known of {', '.join(regions)}; give one of these, and "
            f"--price NAME=USD for each price that differs in yours"
        )
    prices = {name: _price(fields) for name, fields in regions[region].items()}
    for text in given:
        name, _, number = text.partition("=")
        if name not in prices:
            raise UsageProblem(
                f"--price {text}: there is no price {name!r}; give one of {', '.join(prices)}"
            )
        prices[name] = _given(prices[name], text, number)
    return Prices(region, prices)


def _given(price: Price, text: str, number: str) -> Price:
    try:
        usd = float(number)
    except ValueError:
        usd = -1.0
    if not 0 <= usd < math.inf:
        unit = f"{price.per:,.0f} {price.unit}".removeprefix("1 ")
        raise UsageProblem(
            f"--price {text}: {number!r} is no price; give dollars for {unit}, 0 or more"
        )
    return replace(price, usd=usd, tiers=(), page="", read="given", note="")


def _price(fields: Mapping[str, object]) -> Price:
    tiers = tuple((end, usd) for end, usd in fields.get("tiers", ()))  # type: ignore[attr-defined]
    return Price(**{**fields, "tiers": tiers})  # type: ignore[arg-type]
