"""Durable executions: their trace, and what AWS's SDK for them does with spans.

Nothing in here is loaded before the first event of such an execution.
"""
