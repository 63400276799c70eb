"""A durable function whose code registers AWS's plugin itself."""

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_otel.plugin_factory import InvocationOtelPluginFactory


@durable_execution(  # type: ignore[call-arg]  # its types say that it takes the handler as well
    plugins=[InvocationOtelPluginFactory()]
)
def handler(event: Any, context: DurableContext) -> Any:
    """Give back what one step makes."""

    def echo(_step: Any) -> Any:
        return event

    return context.step(echo, name="echo")
