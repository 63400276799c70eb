"""What a measurement gives: values of several subjects, and what is asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.benchmarks.measure import Spread


@dataclass(frozen=True)
class Bar:
    """A ratio and the most that it may be.

    Args:
        text: What is compared with what.
        measured: The ratio in this run.
        limit: The bar.
        floor: The ratio if this project cost nothing: what remains are the SDK's spans and, where
            the figure has it, compressing and writing a line. None where neither is measured.
    """

    text: str
    measured: float
    limit: float
    floor: float | None = None

    @property
    def met(self) -> bool:
        """Whether the ratio is below the bar."""
        return self.measured <= self.limit


@dataclass(frozen=True)
class Figure:
    """One thing measured of several subjects.

    Args:
        name: As the table shows it.
        unit: Of the values.
        values: By subject.
        bars: What the project asks of it.
    """

    name: str
    unit: str
    values: Mapping[str, Spread]
    bars: tuple[Bar, ...] = field(default=())
