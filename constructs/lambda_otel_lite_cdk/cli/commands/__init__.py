"""A module for each command: its options and its work. ``main`` lists them."""
