"""aws-xray-sdk: a subsegment in place of each span."""

from contextlib import contextmanager

from aws_xray_sdk.core import xray_recorder
from workload import measured, work


class Span:
    """A subsegment by the names that the workload uses."""

    def __init__(self, subsegment):
        self.subsegment = subsegment

    def set_attribute(self, key, value):
        """Keep a value with the subsegment."""
        self.subsegment.put_annotation(key, value)


class Tracer:
    """The recorder by the names that the workload uses."""

    @contextmanager
    def start_as_current_span(self, name):
        """Open a subsegment."""
        with xray_recorder.in_subsegment(name) as subsegment:
            yield Span(subsegment)


def handler(event, context):
    """Work and answer."""
    with xray_recorder.in_subsegment("orders"):
        work(Tracer())
    return measured()
