"""What computes predictions: one interface, one module a kind, opened by the kind's name."""
