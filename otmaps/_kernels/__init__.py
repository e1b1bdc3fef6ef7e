"""All compiled code: plain loops over contiguous vectors. No checks, no randomness, no raises.

The files of this package do not call one another's compiled functions, because the disk cache of
numba does not see edits in another file; they share the policy of compilation alone.
"""
