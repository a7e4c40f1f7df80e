"""A fitted Pipeline as a compiled model: read with scikit-learn at packaging, run with NumPy."""
