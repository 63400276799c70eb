"""What a function is: its properties, whether it can be instrumented, what became of it."""
