import os

from aws_lambda_powertools import Tracer

tracer = Tracer(service="pets")
# As the platform sets it for each invocation; the emulator does not.
TRACE = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"


@tracer.capture_method
def feed(pet):
    return [tracer.provider.current_subsegment().name, pet * 2]


@tracer.capture_lambda_handler
def traced(event, context):
    return [tracer.provider.current_subsegment().name, *feed(event["pet"])]


def handler(event, context):
    os.environ["_X_AMZN_TRACE_ID"] = TRACE
    return traced(event, context)
