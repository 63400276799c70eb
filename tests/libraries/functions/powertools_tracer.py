from aws_lambda_powertools import Tracer

tracer = Tracer(service="pets")


@tracer.capture_method
def feed(pet):
    return pet * 2


@tracer.capture_lambda_handler
def handler(event, context):
    return {"pet": feed(event["pet"])}
