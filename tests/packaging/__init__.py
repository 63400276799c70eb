"""Tests of the distribution: what it holds and how its parts may depend on each other."""
