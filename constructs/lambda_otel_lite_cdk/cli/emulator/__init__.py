"""Functions of an assembly, run for real under AWS's emulator, and what is around them on AWS."""
