"""Forward the record lines that functions wrote to CloudWatch Logs to an OTLP/HTTP collector.

The code of a Lambda function of its own (handler ``otlp_forwarder.handler.handler``) that needs
nothing beyond the Python runtime's standard library. In reading order: settings, malformed,
compression, envelope, records, merge, delivery, forward, handler.
"""
