"""Which invocations are exported, decided at their end. Loaded only where keep rules are set."""
