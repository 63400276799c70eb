"""Functions of an assembly, run for real under AWS's emulator."""
