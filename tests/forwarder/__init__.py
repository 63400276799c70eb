"""Tests of the forwarder, against a real receiver on loopback."""
