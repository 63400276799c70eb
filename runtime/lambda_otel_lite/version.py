"""The version of this project, written here and nowhere else; the build reads it from this file."""

__version__ = "0.1.0"

#: The same, as lambda-otel-lite 0.15 names it.
VERSION = __version__
