"""A Git repository as the whole machine-learning platform."""
