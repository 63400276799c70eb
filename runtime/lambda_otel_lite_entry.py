"""The handler that the constructs set: ``lambda_otel_lite_entry.handler``.

No bundle has a module of this name, which is why the handler is found whatever else is there.
"""

from lambda_otel_lite_layer.mount import mount_runtime

mount_runtime()

from lambda_otel_lite import autowrap  # noqa: E402 - found through the line above

handler = autowrap.handler
