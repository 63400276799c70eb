"""From what is asked to what a function is given: collect, resolve, apply, report."""
