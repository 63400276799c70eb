"""What the forwarder's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.receiver import OtlpReceiver


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Receive on loopback, taking everything unless ``answers`` say otherwise."""
    with OtlpReceiver() as receiver:
        yield receiver
