"""The project's stages: one short module for each stage of dvc.yaml, and its own sources."""

from importlib import import_module

# By name, so that no stage depends on how it is started: conf/engine may have it run elsewhere.
import_module("playbill.engine.start").start()
