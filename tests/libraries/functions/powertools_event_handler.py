from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

app = APIGatewayHttpResolver()


@app.post("/pets/<pet>")
def pets(pet):
    return {"pet": pet, "name": app.current_event.json_body["name"]}


def handler(event, context):
    return app.resolve(event, context)
