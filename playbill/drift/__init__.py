"""Profile, tests, decision and report on whether new rows still look like the old ones."""
