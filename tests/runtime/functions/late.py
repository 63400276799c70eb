"""A function whose init goes on for longer than most clients wait."""

import random
import time

import lambda_otel_lite

from .plain import handler as plain

# As a snapshot does, that is restored more than once.
random.seed(1)
_, completion = lambda_otel_lite.init_telemetry()
time.sleep(2.3)

handler = lambda_otel_lite.create_traced_handler("late", completion)(plain)
