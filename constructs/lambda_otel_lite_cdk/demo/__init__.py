"""The demo: an app in CDK with its functions and sample events, which ``lambda-otel demo`` runs."""
