"""`--to`: what a source holds is sent to a real OTLP receiver on loopback."""

from __future__ import annotations

import subprocess

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.cli.command import assert_refused, run
from tests.cli.records import log_record
from tests.forwarder.proxy import HttpProxy
from tests.receiver import Answer, OtlpReceiver

LOG = "\n".join(log_record(f"span {number}") for number in range(20))
KEY = "s3cret-key-0123456789"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"


def _sent(
    to: str, *options: str, code: int = 0, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = run("decode", "--to", to, *options, given=LOG, environment=environment)
    assert done.returncode == code, done
    assert done.stdout == ""
    return done


def _names(receiver: OtlpReceiver) -> list[str]:
    return sorted(span.name for span in receiver.spans)


def test_all_spans_arrive_in_few_requests_with_the_headers_of_the_environment() -> None:
    with OtlpReceiver() as receiver:
        done = _sent(receiver.endpoint, environment={HEADERS: f"x-key={KEY},x-team=a%20b"})

    assert _names(receiver) == sorted(f"span {number}" for number in range(20))
    (request,) = receiver.requests
    assert (request.path, request.headers["x-key"]) == ("/v1/traces", KEY)
    assert request.headers["x-team"] == "a b"
    assert done.stderr == f"{receiver.endpoint}/v1/traces took 20 of 20 span(s), in 1 request(s)\n"


def test_the_variable_for_traces_wins() -> None:
    with OtlpReceiver() as receiver:
        _sent(
            receiver.endpoint,
            environment={
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=traces",
                HEADERS: "x-key=all",
            },
        )

    assert receiver.requests[0].headers["x-key"] == "traces"


def test_filters_say_what_is_sent() -> None:
    with OtlpReceiver() as receiver:
        _sent(receiver.endpoint, "--name", "span 7")

    assert _names(receiver) == ["span 7"]


def test_a_passing_failure_is_tried_again() -> None:
    with OtlpReceiver(Answer(503), Answer(None)) as receiver:
        done = _sent(receiver.endpoint)

    assert len(receiver.spans) == 20
    assert "took 20 of 20 span(s), in 3 request(s)" in done.stderr


def test_what_is_refused_is_found_and_the_rest_arrives() -> None:
    def decide(spans: list[Span]) -> Answer:
        bad = any(span.name == "span 7" for span in spans)
        return Answer(400, body=b"no sevens") if bad else Answer()

    with OtlpReceiver(decide=decide) as receiver:
        done = _sent(receiver.endpoint, code=1)

    assert len(receiver.spans) == 19
    assert "took 19 of 20 span(s)" in done.stderr
    assert "no sevens (1 spans)" in done.stderr


def test_a_partial_success_is_told() -> None:
    partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    with OtlpReceiver(Answer(200, body=body)) as receiver:
        done = _sent(receiver.endpoint, code=1)

    assert "took 17 of 20 span(s)" in done.stderr
    assert "too old" in done.stderr


def test_who_is_not_let_in_learns_which_headers_are_sent_but_not_their_values() -> None:
    with OtlpReceiver(decide=lambda _: Answer(401, body=f"bad key {KEY}".encode())) as receiver:
        done = _sent(receiver.endpoint, code=2, environment={HEADERS: f"x-key={KEY}"})

    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"Error: {receiver.endpoint}/v1/traces does not take spans:")
    assert "401" in said
    assert HEADERS in said
    assert KEY not in done.stderr


def test_a_backend_is_known_by_name() -> None:
    with HttpProxy(b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        done = _sent(
            "honeycomb",
            code=2,
            environment={
                "HTTPS_PROXY": f"http://{proxy.address}",
                HEADERS: f"x-honeycomb-team={KEY}",
            },
        )

    assert proxy.heads[0][0] == "CONNECT api.honeycomb.io:443 HTTP/1.1"
    assert "https://api.honeycomb.io/v1/traces" in done.stderr


def test_a_site_of_a_backend_is_named_after_a_colon() -> None:
    with HttpProxy(b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        _sent(
            "dash0:eu-west-1.aws",
            code=2,
            environment={
                "HTTPS_PROXY": f"http://{proxy.address}",
                HEADERS: "authorization=Bearer%20x",
            },
        )

    assert proxy.heads[0][0] == "CONNECT ingress.eu-west-1.aws.dash0.com:443 HTTP/1.1"


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        (["--to", "localhost:4318"], {}, ["--to is 'localhost:4318'", "is no URL", "honeycomb"]),
        (["--to", ""], {}, ["is no URL"]),
        (["--to", "ftp://x"], {}, ["--to is 'ftp:", "give http:// or https://"]),
        (["--to", f"https://u:{KEY}@x"], {}, ["without user, password"]),
        (["--to", f"u:{KEY}@x"], {}, ["--to is '...@x'", "is no URL"]),
        (["--to", "honeycomb"], {}, ["x-honeycomb-team", f"set {HEADERS}=", "docs.honeycomb.io"]),
        (["--to", "honeycomb"], {HEADERS: "x-other=1"}, ["needs the header x-honeycomb-team"]),
        (["--to", "grafanacloud"], {}, ["has no site", "grafana.com"]),
        (["--to", "http://x"], {HEADERS: KEY}, [f"{HEADERS} must be", "percent-encoded"]),
        (
            ["--to", "http://x"],
            {"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"},
            ["OTEL_EXPORTER_OTLP_TIMEOUT"],
        ),
        (["--to", f"http://u:{KEY}@x", "--json"], {}, ["--json and --to contradict"]),
        (["--to", "http://x", "-o", "f"], {}, ["--to and --output contradict"]),
    ],
    ids=str,
)
def test_what_cannot_be_sent_is_refused_in_one_line(
    options: list[str], environment: dict[str, str], words: list[str]
) -> None:
    done = run("decode", *options, given=LOG, environment=environment)

    assert_refused(done, *words)
    assert KEY not in done.stderr


def test_a_log_without_spans_is_not_sent() -> None:
    with OtlpReceiver() as receiver:
        done = run("decode", "--to", receiver.endpoint, given="START\nEND\n")

    assert_refused(done, "holds no spans")
    assert not receiver.requests
