"""Tests of the constructs, against the real aws-cdk-lib."""
