"""What Git and DVC know: revisions, outputs by digest, registry tags."""
