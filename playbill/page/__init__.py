"""What the pages that Playbill writes have in common: one file each, no script, no network."""
