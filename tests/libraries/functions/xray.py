from aws_xray_sdk.core import patch_all, xray_recorder

patch_all()


@xray_recorder.capture("feed")
def feed(pet):
    return xray_recorder.current_subsegment().name, pet


def handler(event, context):
    return feed(event["pet"])
