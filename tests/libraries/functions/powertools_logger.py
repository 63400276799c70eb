from aws_lambda_powertools import Logger

logger = Logger(service="pets")


@logger.inject_lambda_context(log_event=True)
def handler(event, context):
    logger.append_keys(pet=event["pet"])
    logger.info("fed")
    keys = {"function_request_id", "pet"} & logger.get_current_keys().keys()
    return {"pet": event["pet"], "keys": sorted(keys)}
