"""Tests of the runtime: one module for each of its modules."""
