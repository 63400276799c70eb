import boto3

table = boto3.resource("dynamodb").Table("idempotency")


def handler(event, context):
    table.put_item(Item={"id": "pet", "name": "Rex"})
    return table.get_item(Key={"id": "pet"})["Item"]["name"]
