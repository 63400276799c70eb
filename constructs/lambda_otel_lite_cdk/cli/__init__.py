"""The command ``lambda-otel``: run a synthesized app's functions and look at their traces."""
