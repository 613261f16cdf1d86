"""Train, quantise, export and evaluate the networks; imports the core, never the other way round.

Needs the `training` extra. Started by `sealframe train` and `sealframe evaluate`.
"""
