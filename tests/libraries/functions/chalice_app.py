from chalice import Chalice

handler = Chalice(app_name="pets")


@handler.route("/pets/{id}")
def pets(id):  # noqa: A002 - the name of the path parameter
    return {"pet": id}
