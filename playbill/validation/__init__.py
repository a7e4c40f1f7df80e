"""The training rows divided again, and what a model is worth on rows that it did not learn from."""
