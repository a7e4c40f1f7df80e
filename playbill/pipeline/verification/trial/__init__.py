"""What the experiments of `playbill verify` put on the path of the stage that they run."""
