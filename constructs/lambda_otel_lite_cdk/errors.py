"""Every error that the constructs raise."""

from __future__ import annotations


class TelemetryError(ValueError):
    """Something about telemetry is wrong; the message names it and says what to do.

    Every error of the constructs is one, so that an app can catch them all by this name.
    """


class SettingsError(TelemetryError):
    """A setting is out of range; the message names construct, value, range and fix."""


class InstrumentationError(TelemetryError):
    """A function cannot be instrumented; the message names it and says what to do."""


class ForwardingError(TelemetryError):
    """A log group cannot be forwarded as asked; the message names it and says what to do."""


class BundlingError(TelemetryError):
    """Code for AWS could not be bundled; the message says why and what to do."""


class ReportError(TelemetryError):
    """A coverage report cannot be read; the message names its file and says what to do."""
