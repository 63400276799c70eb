"""The product as its user meets it."""
