"""Forward the log records that functions wrote to CloudWatch Logs to an OTLP/HTTP collector.

The code of a Lambda function of its own (handler ``otlp_forwarder.handler.handler``). It needs
nothing but Lambda's Python runtime. From the ground up, where nothing imports upward:

- `headers`, `values`, `aws`, `variables`, `settings`, `counts`: what the forwarder can be told, and
  the numbers it keeps.
- `input`: an event to log records to parts of OTLP requests.
- `output`: parts to requests to responses of the collector.
- `result`: who keeps what was not delivered, queues, metrics.
- `forward`: the pipeline that joins them. `handler`: what Lambda calls.
"""
