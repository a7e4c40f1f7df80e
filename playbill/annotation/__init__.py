"""Unlabelled rows out to people, their labels in."""
