"""The filter that tells log records from a function's other lines."""

#: Matches log records and nothing else. `FilterPattern.exists` would render ``= "*"``, which
#: matches a literal asterisk. Source:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
RECORD_PATTERN = "{ $.__otel_otlp_stdout = * }"
