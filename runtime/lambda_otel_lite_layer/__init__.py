"""What of the layer lies where every function finds it: the way to all the rest.

The layer's own packages lie in a folder that is on no import path and that the platform merges with
nothing; `mount` brings them into the process. This package imports the standard library alone.
"""
