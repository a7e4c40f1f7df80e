"""Rows to learn from and rows to be tried on."""
