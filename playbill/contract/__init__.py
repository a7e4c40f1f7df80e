"""What data must be, and what each column is for."""
