"""What telemetry costs a month: prices and overheads as data, and what follows from them."""
