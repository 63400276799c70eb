"""Which invocation is open, who exports its spans, and when."""
