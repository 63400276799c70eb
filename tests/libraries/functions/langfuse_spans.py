import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from langfuse import Langfuse, observe


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Langfuse(
    public_key="pk",
    secret_key="sk",  # noqa: S106 - of nobody
    base_url=f"http://127.0.0.1:{server.server_port}",
)


@observe(name="feed")
def feed(pet):
    return pet * 2


def handler(event, context):
    return {"pet": feed(event["pet"])}
