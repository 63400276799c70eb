"""Forward the log records that functions wrote to CloudWatch Logs to an OTLP/HTTP collector.

The code of a Lambda function of its own (handler ``otlp_forwarder.handler.handler``) that needs
nothing beyond what Lambda's Python runtime has. In reading order: settings, malformed,
compression, envelope, events, wire, destination, records, merge, secret, connections, answers,
counts, delivery, sender, queues, settle, forward, metrics, handler.
"""
