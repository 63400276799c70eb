"""What would fail at deployment, found at synth."""
