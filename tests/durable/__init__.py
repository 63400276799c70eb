"""Durable executions, as AWS's local runner drives them."""
