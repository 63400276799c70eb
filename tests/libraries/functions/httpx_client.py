import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Pets(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"Rex")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Pets)
threading.Thread(target=server.serve_forever, daemon=True).start()
ADDRESS = f"http://127.0.0.1:{server.server_port}"


async def fetch():
    async with httpx.AsyncClient() as client:
        return (await client.get(ADDRESS)).text


def handler(event, context):
    with httpx.Client() as client:
        return [client.get(ADDRESS).text, asyncio.run(fetch())]
