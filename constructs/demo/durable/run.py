"""Run a synthesized durable function without AWS, and draw the trace of one execution.

AWS's local runner (`aws-durable-execution-sdk-python-testing`) keeps the steps' results and calls
the function again after each wait, whose time it skips. AWS's Lambda emulator runs the function.

    python constructs/demo/durable/run.py cdk.out '{"amount": 12}'
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python_testing.runner import WebRunner, WebRunnerConfig
from aws_durable_execution_sdk_python_testing.web.server import WebServiceConfig

from lambda_otel_lite_cdk.cli.assembly.functions import read_functions
from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator, InvocationResult
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.cli.traces.waterfall import print_traces

KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


class Invoke(BaseHTTPRequestHandler):
    """Lambda's Invoke API, by which the runner calls the function."""

    emulator: Emulator
    results: list[InvocationResult]
    ended: threading.Event

    def do_POST(self) -> None:
        """Have the emulator run the function."""
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        result = self.emulator.invoke(event)
        self.results.append(result)
        body = json.dumps(result.error or result.payload).encode()
        self.send_response(200)
        if result.error:
            self.send_header("X-Amz-Function-Error", "Unhandled")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if result.error or result.payload["Status"] != "PENDING":
            self.ended.set()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def execute(assembly: Path, payload: str) -> list[InvocationResult]:
    """Run one execution of the assembly's function; return what came of each invocation."""
    (function,) = read_functions(read_templates(assembly))
    os.environ.update({"AWS_DEFAULT_REGION": "eu-west-1", **KEYS})
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lambda_api = ThreadingHTTPServer(("127.0.0.1", 0), Invoke)
    config = WebRunnerConfig(
        web_service=WebServiceConfig(host="127.0.0.1", port=port, log_level=logging.ERROR),
        lambda_endpoint=f"http://127.0.0.1:{lambda_api.server_port}",
        skip_time=True,
    )
    variables = {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{port}", **KEYS}
    # This interpreter has what the function's requirements name.
    emulator = Emulator(function, variables=variables, python=Path(sys.executable))
    with emulator as Invoke.emulator, WebRunner(config) as runner:
        Invoke.results, Invoke.ended = [], threading.Event()
        for serve in (lambda_api.serve_forever, runner.serve_forever):
            threading.Thread(target=serve, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        execution = {
            "AccountId": "123456789012",
            "FunctionName": function.logical_id,
            "FunctionQualifier": "live",
            "ExecutionName": "order-1",
            "ExecutionTimeoutSeconds": 3600,
            "ExecutionRetentionPeriodDays": 1,
            "Input": payload,
        }
        connection.request("POST", "/start-durable-execution", json.dumps(execution))
        if connection.getresponse().status >= http.HTTPStatus.BAD_REQUEST:
            raise SystemExit("the runner does not start the execution")
        Invoke.ended.wait()
        return Invoke.results


if __name__ == "__main__":
    assembly, payload = sys.argv[1:]
    results = execute(Path(assembly), payload)
    for number, result in enumerate(results, 1):
        print(f"invocation {number}:", json.dumps(result.error or result.payload))  # noqa: T201
    print_traces(Decoder().decode([line for result in results for line in result.log_lines]))
    # The runner's threads wait for more.
    sys.stdout.flush()
    os._exit(0)
