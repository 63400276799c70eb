"""The environment variables and what is read from them."""
