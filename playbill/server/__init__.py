"""Bundle in, HTTP out; this package is copied into the bundle."""
