import logfire

logfire.configure(send_to_logfire=False, console=False)


def handler(event, context):
    with logfire.span("feed"):
        logfire.info("fed {pet}", pet=event["pet"])
    return {"pet": event["pet"]}
