"""Keeps the erased out of what a source gives, as conf/privacy says."""

from playbill.config import place
from playbill.config.digest import short_digest
from playbill.config.privacy import Privacy
from playbill.privacy.suppression import Suppression
from playbill.source.fetch import Screen


def screen(privacy: Privacy, source: str) -> Screen | None:
    """Return what keeps those who were erased out of a source; None if it can hold nobody.

    Raises:
        ConfigError: The key of their digests is not in the environment.
    """
    if not privacy.erased or source not in privacy.subjects or privacy.erased_secret is None:
        return None
    key = place.secret(privacy.erased_secret).encode()
    known = Suppression(privacy.subjects[source], frozenset(privacy.erased), key)
    return Screen(known.keep, short_digest(sorted(privacy.erased)))
