import json
import sys
from pathlib import Path

import pytest

from playbill.bundle import assembly, manifest
from playbill.bundle.interface import write_interface
from playbill.bundle.router import sources
from playbill.errors import ConfigError
from playbill.server.description import openapi_text
from tests.serving import ASKED, CODE, NAME, SERVER, TARGET, made, running, start_words, write

API = '''"""A project's own routes."""
from fastapi import APIRouter, Depends

from playbill.server.authentication import Principal, needs
from stages.greeting import WORD

router = APIRouter()


@router.get("/greeting", operation_id="greeting")
async def greeting() -> dict[str, str]:
    return {"word": WORD}


@router.get("/secret", operation_id="secret")
async def secret(who: Principal = Depends(needs("admin"))) -> dict[str, str]:
    return {"name": who.name}
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project" / "stages"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "api.py").write_text(API)
    (folder / "greeting.py").write_text('WORD = "hello"\n')
    (folder / "other.py").write_text("raise SystemExit\n")
    for name in [n for n in sys.modules if n.partition(".")[0] == "stages"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder.parent


def test_a_project_s_router_is_served_from_its_own_source_behind_the_gate(
    project: Path, tmp_path: Path
) -> None:
    server = SERVER.model_copy(update={"routers": ["stages.api:router"]})
    texts = write_interface(NAME, ASKED, TARGET, server) | sources(server.routers, project)
    assert {n for n in texts if n.startswith("stages/")} == {
        "stages/__init__.py", "stages/api.py", "stages/greeting.py",
    }  # fmt: skip
    document = json.loads(openapi_text(texts))
    assert "/greeting" in document["paths"]
    layer = {n.removeprefix("model/"): c for n, c in made().files.items() if n.startswith("model/")}
    texts["openapi.json"] = json.dumps(document)
    files = assembly.assemble(NAME, layer, texts, code=CODE)
    bundle = write(files, tmp_path / "bundle")
    manifest.verify(bundle)
    keys = tmp_path / "keys.jsonl"
    made_keys = {}
    for name, scope in (("plain", "predict"), ("chief", "predict,admin")):
        from playbill.server.keys import add_line, new_key

        made_keys[name], line = new_key(name, scope.split(","))
        add_line(keys, line)
    with running([*start_words(bundle), "--keys", str(keys)], cwd=tmp_path) as started:
        ask = started.client.get
        assert ask("/greeting").status_code == 401
        plain, chief = ({"X-API-Key": made_keys[name]} for name in ("plain", "chief"))
        assert ask("/greeting", headers=plain).json() == {"word": "hello"}
        assert ask("/secret", headers=plain).status_code == 403
        assert ask("/secret", headers=chief).json() == {"name": "chief"}


def test_a_router_of_no_module_is_an_error_that_names_it(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"stages\.nothing"):
        sources(["stages.nothing:router"], project)
