"""The estimator half of the Pipeline and the file that keeps it."""
