"""What the server said, and the truth that came later."""
