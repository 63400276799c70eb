from chalice import Chalice

handler = Chalice(app_name="pets")


@handler.route("/pets/{pet}")
def pets(pet):
    return {"pet": pet}
