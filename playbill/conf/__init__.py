"""The shipped options, found by Hydra through `pkg://playbill.conf`; data only."""
