"""A function that is traced by Powertools Tracer; its event says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Tracer

tracer = Tracer(service="pets")


@tracer.capture_method
def feed(pet: str) -> dict[str, str]:
    """Answer what becomes metadata."""
    tracer.put_annotation("pet", pet)
    if pet == "Tom":
        raise ValueError("no hay")
    return {"fed": pet}


@tracer.capture_method
def meals() -> Iterator[str]:
    """Be a generator."""
    yield "hay"
    yield "straw"


@tracer.capture_method
@contextmanager
def stable() -> Iterator[str]:
    """Be a context manager."""
    yield "stable"


@tracer.capture_method
async def later(pet: str) -> str:
    """Be a coroutine."""
    return pet


@tracer.capture_lambda_handler
def handler(event: dict[str, Any], _: Any) -> Any:
    """Handle an event."""
    with stable():
        return {**feed(event["pet"]), "meals": list(meals())}
