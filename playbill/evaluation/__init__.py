"""What is measured on the hold-out."""
