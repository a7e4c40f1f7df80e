"""The config compiler: conf/ in, params.yaml and dvc.yaml out."""
