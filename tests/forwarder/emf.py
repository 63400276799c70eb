"""CloudWatch's embedded metric format, as its specification and its JSON schema have it.

Source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import Any

BYTES = 1024 * 1024
UNITS = {"Count", "Milliseconds", "Bytes"}
_STATISTICS = ("Min", "Max", "Sum", "Count")


def metrics_of(line: str) -> dict[str, Any]:
    """Return a line's JSON object; fail on all for which CloudWatch would take no metrics of it."""
    assert line.endswith("\n"), line
    assert line.count("\n") == 1, line
    assert len(line.encode()) <= BYTES
    found: dict[str, Any] = json.loads(line)
    assert type(found["_aws"]["Timestamp"]) is int
    assert set(found["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    for directive in found["_aws"]["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Namespace"]) <= 255
        assert directive["Dimensions"]
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 30
            for name in dimensions:
                assert 1 <= len(name) <= 250
                _check_dimension(found[name])
        assert 1 <= len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert 1 <= len(metric["Name"]) <= 255
            assert metric["Unit"] in UNITS
            _check_value(found[metric["Name"]])
    return found


def _check_dimension(value: object) -> None:
    assert isinstance(value, str), value
    assert 1 <= len(value) <= 1024
    assert value.strip()
    assert value.isascii(), value
    assert value.isprintable(), value


def _check_value(value: Any) -> None:
    if isinstance(value, dict):
        assert set(value) == {"Values", "Counts", *_STATISTICS}
        values, counts = value["Values"], value["Counts"]
        assert len(values) == len(counts) == len(set(values))
        assert all(type(count) is int and count > 0 for count in counts)
        assert sum(counts) == value["Count"]
        assert all(value["Min"] <= each <= value["Max"] for each in values)
        numbers = [*values, *(value[name] for name in _STATISTICS)]
    else:
        numbers = values = value if isinstance(value, list) else [value]
    assert 1 <= len(values) <= 100
    assert all(type(number) in {int, float} for number in numbers)
    assert all(abs(number) < 2.0**360 for number in numbers)
