"""Which functions of an app are instrumented, and why others are not."""
