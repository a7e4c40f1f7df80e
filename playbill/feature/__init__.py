"""The feature half of the Pipeline."""
