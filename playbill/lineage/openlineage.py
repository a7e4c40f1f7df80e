"""A trace as OpenLineage events: one RunEvent a stage, as catalogues such as Marquez read them.

The form is that of the OpenLineage specification, object 2-0-2, with the standard facets of jobs,
runs and datasets. Ids are made from content, so that the same run gives the same events anywhere,
and the time of an event is that of the commit: Git knows no other.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbill.lineage import git, locked
from playbill.lineage.trace import SourceFacts, Trace

SPECIFICATION = "https://openlineage.io/spec"
SCHEMA = f"{SPECIFICATION}/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "urn:playbill:lineage:1"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)
# The version of each standard facet that is used.
_FACETS = {
    "DatasetVersionDatasetFacet": "1-0-1",
    "JobTypeJobFacet": "2-0-4",
    "ParentRunFacet": "1-2-0",
    "SQLJobFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0",
    "SourceCodeLocationJobFacet": "1-1-0",
    "NominalTimeRunFacet": "1-0-1",
}


def events(found: Trace, origin: str) -> list[dict[str, Any]]:
    """Return the events of a trace, in the order of the flow.

    Args:
        found: The trace.
        origin: Where the repository is, as `origin_of` gives it.
    """
    space = f"{origin}/{found.project}".rstrip("/")
    parent = {"run": {"runId": _run_id(space, found.bundle[1], found.commit.id)},
              "job": {"namespace": space, "name": found.model}}  # fmt: skip
    sources = {one.name: one for one in found.data}
    told = {stage.name: stage for stage in found.stages}
    listed = []
    for stage in found.stages:
        job = {
            "namespace": space,
            "name": f"{found.model}.{stage.name}",
            "facets": _job_facets(found, stage, origin),
        }
        run_facets = {"parent": _facet("ParentRunFacet", parent)}
        inputs = [_dataset(space, p, md5) for p, md5 in stage.deps.items() if p not in stage.code]
        if locked.brings_in(stage, told):
            inputs += [_source(space, one) for one in sources.values()]
            if found.window:
                start, end = (f"{day}T00:00:00Z" for day in found.window)
                span = {"nominalStartTime": start, "nominalEndTime": end}
                run_facets["nominalTime"] = _facet("NominalTimeRunFacet", span)
        listed.append({
            "eventType": "COMPLETE",
            "eventTime": found.commit.date,
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
            "run": {"runId": _run_id(space, stage.name, *_content(stage)), "facets": run_facets},
            "job": job,
            "inputs": inputs,
            "outputs": [_dataset(space, path, md5) for path, md5 in stage.outs.items()],
        })  # fmt: skip
    return listed


def origin_of(root: Path) -> str:
    """Return the address of the repository: that of its remote, without credentials."""
    names = git.run(root, "remote").decode().split()
    chosen = "origin" if "origin" in names else names[0] if names else ""
    address = git.setting(root, f"remote.{chosen}.url") if chosen else ""
    if "://" in address:
        kind, _, rest = address.partition("://")
        return f"git+{kind}://{rest.rpartition('@')[2].removesuffix('.git')}"
    if ":" in address and not address.startswith(("/", ".")):  # git@host:owner/name
        return f"git+ssh://{address.rpartition('@')[2].replace(':', '/', 1).removesuffix('.git')}"
    # A path of this machine says nothing elsewhere: the first commit is what clones share.
    first = git.run(root, "rev-list", "--max-parents=0", "HEAD").decode().split()
    return f"urn:git:{first[-1]}"


def _job_facets(found: Trace, stage: locked.Locked, origin: str) -> dict[str, Any]:
    module = stage.command.removeprefix("python -m ").partition(" ")[0].replace(".", "/") + ".py"
    where = {"type": "git", "url": origin, "repoUrl": origin, "version": found.commit.id,
             "path": "/".join(filter(None, (found.project, module)))}  # fmt: skip
    kind = {"processingType": "BATCH", "integration": "PLAYBILL", "jobType": "STAGE"}
    facets = {
        "sourceCodeLocation": _facet("SourceCodeLocationJobFacet", where),
        "jobType": _facet("JobTypeJobFacet", kind),
    }
    source = stage.params.get("source")
    if stage.name == "ingest" and isinstance(source, Mapping) and source.get("query"):
        facets["sql"] = _facet("SQLJobFacet", {"query": source["query"], "dialect": "duckdb"})
    return facets


def _dataset(space: str, path: str, md5: str) -> dict[str, Any]:
    facets = {"version": _facet("DatasetVersionDatasetFacet", {"datasetVersion": f"md5:{md5}"})}
    return {"namespace": space, "name": path, "facets": facets if md5 else {}}


def _source(space: str, one: SourceFacts) -> dict[str, Any]:
    told = one.provenance or {}
    facets: dict[str, Any] = {}
    if told.get("sha256"):
        version = {"datasetVersion": f"sha256:{told['sha256']}"}
        facets["version"] = _facet("DatasetVersionDatasetFacet", version)
    if told.get("columns"):
        fields = [{"name": str(name)} for name in told["columns"]]
        facets["schema"] = _facet("SchemaDatasetFacet", {"fields": fields})
    return {"namespace": f"{space}/source", "name": one.name, "facets": facets}


def _facet(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    address = f"{SPECIFICATION}/facets/{_FACETS[name]}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": address, **values}


def _content(stage: locked.Locked) -> list[str]:
    return [json.dumps([stage.command, dict(stage.deps), dict(stage.outs), dict(stage.params)],
                       sort_keys=True, default=str)]  # fmt: skip


def _run_id(*parts: str) -> str:
    return str(uuid.uuid5(_SPACE, hashlib.sha256("\0".join(parts).encode()).hexdigest()))
