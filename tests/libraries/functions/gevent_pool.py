from gevent import monkey

monkey.patch_all()

import time  # noqa: E402 - after it is patched
import urllib.request  # noqa: E402

import gevent  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402


def application(environ, start_response):
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]


server = WSGIServer(("127.0.0.1", 0), application, log=None)
server.start()


def fetch(number):
    time.sleep(0.01)
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{number}") as response:
        return response.read().decode()


def handler(event, context):
    jobs = [gevent.spawn(fetch, number) for number in range(event["pet"])]
    gevent.joinall(jobs, timeout=5)
    return [job.value for job in jobs]
