"""What a signed tag says of the stage tags from before the project named who may sign.

An unsigned tag cannot prove when it was made: date, number and commit are what its writer chose. So
a signer says it: the first signed tag of a stage carries the object ids of the unsigned ones before
it, and an id is the hash of all that a tag holds.
"""

from collections import Counter
from pathlib import Path

from playbill.lineage import git, gittag, registry, signature, tagname

FIELD = "before_signatures"


def to_vouch(root: Path, artifact: str) -> dict[str, str]:
    """Return the unsigned stage tags that the next signed one vouches for: object id by name.

    None that is numbered behind a trusted signature, none of which the number is taken twice, and
    none on a commit that holds the signers already or follows one that did.
    """
    if not signature.is_demanded(root):
        return {}
    past = registry.assignments(root, artifact)
    times = Counter(one.number for one in past)
    since = signature.named_since(root)
    found = {}
    for one in past:
        trust = signature.check_tag(root, one.tag.name).trust
        if trust == "trusted":
            break
        fresh = times[one.number] > 1 or (since and git.follows(root, one.tag.commit, since))
        if trust == "unsigned" and one.tag.is_annotated and not fresh:
            found[one.tag.name] = gittag.object_id(root, one.tag.name)
    return {
        name: digest
        for name, digest in found.items()
        if (place := tagname.place_of(name)) and not voucher(root, name, place)
    }


def voucher(root: Path, name: str, place: tagname.Place) -> str:
    """Return the trusted signed tag that vouches for an unsigned one as it is; empty if none."""
    own = gittag.object_id(root, name)
    for one in registry.assignments(root, place.artifact):
        told = one.evidence.get(FIELD)
        if (
            one.number > place.number
            and isinstance(told, dict)
            and told.get(name) == own
            and signature.check_tag(root, one.tag.name).trust == "trusted"
        ):
            return one.tag.name
    return ""
