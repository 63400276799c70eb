"""Templates and assemblies, changed as the constructs change an app."""
