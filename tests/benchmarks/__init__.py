"""Measurements; run by `make bench`, and no part of the tests, for no test is about time."""
