from __future__ import annotations

import gzip
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lambda_otel_lite_cdk.cli.emulator.collector import collector


def _request(name: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name=name)
    return request


def test_requests_are_kept_in_their_order_compressed_or_not() -> None:
    sent = [_request("one"), _request("two")]
    with collector() as received:
        url = f"{received.endpoint}/v1/traces"
        plain, packed = (request.SerializeToString() for request in sent)
        for request in (
            Request(url, plain),
            Request(url, gzip.compress(packed), {"Content-Encoding": "gzip"}),
        ):
            with urlopen(request) as answer:
                assert answer.status == 200
    assert received.requests == sent


def test_another_path_is_refused() -> None:
    with collector() as received:
        with pytest.raises(HTTPError, match="404") as refused:
            urlopen(Request(f"{received.endpoint}/v1/metrics", b""))
        refused.value.close()
    assert received.requests == []
