"""What the stage train does: folds, search, calibration, threshold and the last fit."""
