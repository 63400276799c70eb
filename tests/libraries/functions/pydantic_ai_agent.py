from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

agent = Agent(TestModel(), name="feeder")
agent.instrument = True


@agent.tool_plain
def feed(pet: str) -> str:
    return f"fed {pet}"


def handler(event, context):
    return agent.run_sync("feed").output
