"""Benchmarks: run by hand with `make bench`; their smoke tests assert no times."""
