"""What every function finds of the layer on its import path."""
