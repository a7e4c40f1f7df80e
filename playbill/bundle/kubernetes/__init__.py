"""Writes the Kubernetes manifests of a model's server: a Kustomize base and an overlay a place."""
