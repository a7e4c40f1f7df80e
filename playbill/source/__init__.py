"""The outside world as snapshots."""
