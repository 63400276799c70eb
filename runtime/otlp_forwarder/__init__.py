"""Forward the record lines that functions wrote to CloudWatch Logs to an OTLP/HTTP collector."""
