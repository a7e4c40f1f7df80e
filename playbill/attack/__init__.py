"""Hostile requests, each with its right answer, for a running server."""
