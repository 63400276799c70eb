"""Who asked for what, what holds, and what a function is given."""
