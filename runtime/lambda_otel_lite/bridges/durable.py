"""Switch AWS's OpenTelemetry plugin of durable executions on: ``durable``.

It is the package ``aws-durable-execution-sdk-python-otel``, tried in its version 2.0
(https://github.com/aws/aws-durable-execution-sdk-python). Its SDK finds it by a variable when the
function's code is imported, and raises where there is none of that name, or two of a kind.
"""

from lambda_otel_lite.configuration.settings import name_durable_plugin, unname_durable_plugin
from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.entry_points import entry_points

logger = Logger("lambda_otel_lite.durable")

_GROUP = "aws_durable_execution.plugins"
_PLUGIN = "otel-invocation"

_named = False


def name_plugin() -> None:
    """Name the plugin where the function's code has it, and its settings name none themselves."""
    global _named  # noqa: PLW0603 - one process has one environment
    if any(one.name == _PLUGIN for one in entry_points(_GROUP, "durable")):
        _named = name_durable_plugin(_PLUGIN)
    else:
        logger.warning(
            "LAMBDA_OTEL_INSTRUMENTATIONS: 'durable' needs the package"
            " aws-durable-execution-sdk-python-otel, 2.0 or newer, in the function's own code; it"
            " is left out"
        )


def take_back(error: Exception) -> bool:
    """Name no plugin any more if the SDK takes none: the function's code registers one itself.

    Args:
        error: What the import of the function's code raised.

    Returns:
        False if there is nothing to take back: the code would fail in the same way.
    """
    global _named  # noqa: PLW0603 - see above
    if not _named or type(error).__name__ != "PluginLoadError":
        return False
    _named = False
    unname_durable_plugin()
    logger.warning(
        "LAMBDA_OTEL_INSTRUMENTATIONS: 'durable' is left out, because the function's code registers"
        " a plugin that does not go with it (%s). Remove 'durable', or the plugin from"
        " durable_execution()",
        error,
    )
    return True
