"""What every test may count on, whatever the machine: an identity for Git, one thread a fit."""

import os

# Two workers on two cores: a second thread inside a fit would only spin. Set before NumPy loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A bare machine has no user.name; what a test commits is nobody's in particular.
for role in ("AUTHOR", "COMMITTER"):
    os.environ[f"GIT_{role}_NAME"] = "Playbill tests"
    os.environ[f"GIT_{role}_EMAIL"] = "tests@playbill.invalid"
# A person's own hooks, signing and aliases stay out of it.
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_SYSTEM"] = os.devnull
os.environ["DVC_NO_ANALYTICS"] = "1"
