"""The encoder, under the path that it was imported by before it had a room."""

from lambda_otel_lite.export.encoder import encode_spans

__all__ = ["encode_spans"]
