from apig_wsgi import make_lambda_handler
from flask import Flask

app = Flask(__name__)


@app.post("/pets/<int:pet>")
def pets(pet):
    return {"pet": pet}


handler = make_lambda_handler(app)
