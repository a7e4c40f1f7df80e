"""Runs a revision again in a clean clone, says whether the bytes are the same, and if not why."""
