import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

sent = []
sentry_sdk.init(
    dsn="http://key@127.0.0.1:9/1",
    integrations=[AwsLambdaIntegration()],
    traces_sample_rate=1.0,
    before_send=lambda event, hint: sent.append(event["message"]),
    before_send_transaction=lambda event, hint: None,
)


def handler(event, context):
    sent.clear()
    sentry_sdk.capture_message("hungry")
    transaction = sentry_sdk.get_current_scope().transaction
    return {"sent": [*sent], "transaction": transaction and transaction.name}
