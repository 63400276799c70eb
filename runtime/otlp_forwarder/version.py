"""The version of the forwarder, which is deployed without the runtime; a test compares both."""

from typing import Final

__version__: Final = "0.1.0"
