"""What things cost; tests here bound memory, never time."""
