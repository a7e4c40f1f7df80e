"""A person's data: where they are, and how they leave."""
