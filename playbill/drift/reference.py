"""Which profile and which policy a check goes by."""

import json
from typing import TYPE_CHECKING, Any

from playbill.drift.profile import read_profile
from playbill.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from playbill.config.schema import Drift

PROFILE = "model/profile.json"


def bundled_profile(bundle: "Path") -> dict[str, Any]:
    """Return the profile of a bundle whose files were verified before.

    Raises:
        BundleError: There is no profile, or it is of another format.
    """
    path = bundle / PROFILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(
            f"the bundle has no readable reference profile ({type(error).__name__})",
            where=f"{bundle}/{PROFILE}",
            run="package the model again: dvc repro",
        ) from error
    return read_profile(value, where=f"{bundle}/{PROFILE}")


def bundled_policy(profile: dict[str, Any]) -> "Drift":
    """Return the policy under which the profile was built; the answer outside of a project.

    Raises:
        BundleError: The profile's policy is not one that this version knows.
    """
    from pydantic import ValidationError

    from playbill.config.schema import Drift

    try:
        return Drift.model_validate(profile.get("policy"))
    except ValidationError as error:
        raise BundleError(
            f"the reference profile's policy cannot be read: {error.errors()[0]['msg']}",
            where=PROFILE,
            run="package the model again: dvc repro",
        ) from error
