"""What Lambda takes of a function.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

MOST_LAYERS = 5
#: All environment variables together, in bytes.
MOST_ENVIRONMENT_BYTES = 4096
#: Code and layers together, unzipped: 250 MB.
MOST_UNZIPPED_BYTES = 262_144_000
