"""Write an invocation's numbers so that CloudWatch makes metrics of them.

Numbers of spans (``Spans``, ``Rejected``, ``Undelivered``) are what the log records say, if so many
spans fit into them; otherwise they are counted. See `otlp_forwarder.input.records`.

Source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otlp_forwarder.counts import Counts

#: Where the metrics appear in CloudWatch, by the function's name.
NAMESPACE = "OtlpForwarder"
DIMENSION = "FunctionName"

#: Metrics and their units.
UNITS = {
    "Records": "Count",
    "Spans": "Count",
    "Requests": "Count",
    "Retries": "Count",
    "Bytes": "Bytes",
    "Rejected": "Count",
    "Undelivered": "Count",
    "Held": "Count",
    "Malformed": "Count",
    "Lag": "Milliseconds",
}

#: Most values of one metric in one line, by the same specification.
MOST_VALUES = 100


def metrics_line(counts: Counts, function: str) -> str:
    """Return the line to print, with its end.

    Args:
        counts: The invocation's numbers.
        function: The forwarder's own name.
    """
    values: dict[str, int | list[int]] = {
        "Records": counts.records,
        "Spans": counts.spans,
        "Requests": counts.requests,
        "Retries": counts.retries,
        "Bytes": counts.bytes,
        "Rejected": counts.rejected,
        "Undelivered": counts.undelivered,
        "Held": counts.held,
        "Malformed": counts.malformed.total(),
    }
    if counts.lags:
        values["Lag"] = sorted(counts.lags)[-MOST_VALUES:]
    definition = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in values],
    }
    metadata = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [definition]}
    return json.dumps({"_aws": metadata, DIMENSION: function, **values}) + "\n"
