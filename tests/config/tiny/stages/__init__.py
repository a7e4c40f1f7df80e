"""Stages that take no time."""
