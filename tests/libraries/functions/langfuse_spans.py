from langfuse import Langfuse, observe

client = Langfuse(public_key="pk", secret_key="sk", base_url="http://127.0.0.1:9")  # noqa: S106 - of nobody


@observe(name="feed")
def feed(pet):
    return pet * 2


def handler(event, context):
    return {"pet": feed(event["pet"])}
