"""The search for parameters: ways to choose the next trials, judged by whoever calls."""
