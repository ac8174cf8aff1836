"""Faces of other readers, for scripts that were written for them."""
