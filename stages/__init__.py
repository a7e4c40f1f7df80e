"""The project's stages: one short module for each stage of dvc.yaml, and its own sources."""
