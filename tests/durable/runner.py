"""Run durable executions as AWS does: by its local runner, which calls a function again and again.

The runner is ``aws-durable-execution-sdk-python-testing``; it keeps the steps' results, which the
function's SDK sends it, and skips the time of waits. The function runs in whatever answers events:
an environment of the tests' own platform, or one of the official emulator.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aws_durable_execution_sdk_python_testing.runner import WebRunner, WebRunnerConfig
from aws_durable_execution_sdk_python_testing.web.server import WebServiceConfig

from tests.platform.environment import PATIENCE

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
_LAST = ("SUCCEEDED", "FAILED")


class Runner:
    """The local runner, whose function is set when there is one."""

    def __init__(self) -> None:
        #: Takes an event; returns the answer, and whether it is an error.
        self.function: Callable[[Any], tuple[Any, bool]]
        self.address = ""
        self._ended = threading.Event()
        self._executions = 0
        self._answer: Any = None

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which a function finds the runner."""
        return {**KEYS, "AWS_ENDPOINT_URL_LAMBDA": f"http://{self.address}"}

    def run(self, payload: Any, function: Callable[[Any], tuple[Any, bool]]) -> Any:
        """Run an execution to its end; return its last answer.

        Args:
            payload: What the execution is started with.
            function: Answers an event; says whether the answer is an error.
        """
        self.function = function
        self._ended.clear()
        self._executions += 1
        body = {
            "AccountId": "123456789012",
            "FunctionName": "orders",
            "FunctionQualifier": "$LATEST",
            "ExecutionName": f"execution-{self._executions}",
            "ExecutionTimeoutSeconds": 300,
            "ExecutionRetentionPeriodDays": 7,
            "Input": json.dumps(payload),
        }
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        connection.request("POST", "/start-durable-execution", json.dumps(body))
        response = connection.getresponse()
        said = response.read()
        assert response.status < 300, said
        connection.close()
        assert self._ended.wait(PATIENCE), "the execution did not end"
        return self._answer

    def answer(self, event: Any) -> tuple[Any, bool]:
        """Have the function answer an event."""
        answer, is_error = self.function(event)
        if not is_error and isinstance(answer, dict) and answer.get("Status") in _LAST:
            self._answer = answer
            self._ended.set()
        return answer, is_error


@contextmanager
def running() -> Iterator[Runner]:
    """Run the runner while the ``with`` block lasts."""
    runner = Runner()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer, is_error = runner.answer(event)
            body = json.dumps(answer).encode()
            self.send_response(200)
            if is_error:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    endpoint = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    endpoint.daemon_threads = True
    config = WebRunnerConfig(
        web_service=WebServiceConfig(host="127.0.0.1", port=0),
        lambda_endpoint=f"http://127.0.0.1:{endpoint.server_port}",
        skip_time=True,
    )
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    with WebRunner(config) as web:
        server: Any = vars(web)["_server"]
        # Which it leaves open, once its thread has ended.
        loop: Any = vars(vars(web)["_scheduler"])["_loop"]
        runner.address = f"127.0.0.1:{server.server_address[1]}"
        threads = [
            threading.Thread(target=one.serve_forever, args=(0.02,)) for one in (endpoint, server)
        ]
        for thread in threads:
            thread.start()
        try:
            yield runner
        finally:
            for one in (server, endpoint):
                one.shutdown()
            for thread in threads:
                thread.join()
            endpoint.server_close()
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
    loop.close()
