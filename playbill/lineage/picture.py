"""A trace as a picture: stages left to right in an SVG on a page that needs no net, or Mermaid."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbill.lineage import locked
from playbill.lineage.outline import outline, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbill.lineage.trace import Trace

TEMPLATE = "lineage.html.j2"
_WIDTH, _GAP, _LINE, _PAD = 250, 60, 17, 10  # pixels
_LETTERS = 34  # that fit into a box


@dataclass(frozen=True)
class Box:
    """A box of the picture: a source or a stage, with what it wrote."""

    name: str
    kind: str
    lines: tuple[str, ...]
    x: int
    y: int

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return 2 * _PAD + _LINE * (1 + len(self.lines))

    @property
    def width(self) -> int:
        """Its width in pixels."""
        return _WIDTH


@dataclass(frozen=True)
class Picture:
    """Boxes, the arrows between them as SVG paths, and the size of it all."""

    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    width: int
    height: int


def as_html(found: "Trace") -> str:
    """Return a page with the picture and the outline of a trace."""
    from playbill.page.render import render

    return render(
        "playbill.lineage", TEMPLATE, found=found, outline=outline(found), picture=draw(found)
    )


def as_mermaid(found: "Trace") -> str:
    """Return the graph in Mermaid's language, which Git hosts draw inside Markdown."""
    boxes = _contents(found)
    names = {name: f"n{number}" for number, name in enumerate(boxes)}
    lines = ["flowchart LR"]
    for name, (kind, texts) in boxes.items():
        label = "<br>".join(_plain(text) for text in (name.partition(":")[2], *texts))
        opening, closing = ("[(", ")]") if kind == "source" else ("[", "]")
        lines.append(f'  {names[name]}{opening}"{label}"{closing}')
    lines += [f"  {names[a]} --> {names[b]}" for a, b in _edges(found)]
    return "\n".join(lines) + "\n"


def draw(found: "Trace") -> Picture:
    """Return the picture of a trace: each stage in the column behind those that it reads."""
    contents, edges = _contents(found), _edges(found)
    column: dict[str, int] = {}
    for name in contents:  # in the order of the flow: what is read has its column already
        column[name] = 1 + max((column[a] for a, b in edges if b == name), default=-1)
    filled: dict[int, int] = {}
    boxes: dict[str, Box] = {}
    for name, (kind, lines) in contents.items():
        at = column[name]
        box = Box(
            _cut(name.partition(":")[2]), kind, tuple(map(_cut, lines)),
            _PAD + at * (_WIDTH + _GAP), filled.get(at, _PAD),
        )  # fmt: skip
        boxes[name] = box
        filled[at] = box.y + box.height + 2 * _PAD
    arrows = tuple(_arrow(boxes[a], boxes[b]) for a, b in edges)
    width = max((box.x for box in boxes.values()), default=0) + _WIDTH + _PAD
    return Picture(tuple(boxes.values()), arrows, width, max(filled.values(), default=0))


def _contents(found: "Trace") -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the boxes by id: a kind, and the lines below the name."""
    boxes = {}
    for one in found.data:
        rows = (one.provenance or {}).get("rows")
        lines = (str(one.declared.get("kind", "")), *([f"{rows:,} rows"] if rows else []))
        boxes[f"source:{one.name}"] = ("source", lines)
    for stage in found.stages:
        lines = tuple(f"{_tail(path)} {short(md5)[:7]}" for path, md5 in stage.outs.items())
        kind = "model" if found.bundle[0] in stage.outs else "stage"
        boxes[f"stage:{stage.name}"] = (kind, lines)
    return boxes


def _edges(found: "Trace") -> list[tuple[str, str]]:
    told: Mapping[str, locked.Locked] = {stage.name: stage for stage in found.stages}
    edges = []
    for stage in found.stages:
        if locked.brings_in(stage, told):
            edges += [(f"source:{one.name}", f"stage:{stage.name}") for one in found.data]
        else:
            above = locked.above(stage, told)
            edges += [(f"stage:{n}", f"stage:{stage.name}") for n in told if n in above]
    return edges


def _arrow(start: Box, end: Box) -> str:
    x1, y1 = start.x + start.width, start.y + start.height // 2
    x2, y2 = end.x - 4, end.y + end.height // 2
    middle = max((x2 - x1) // 2, _GAP // 2)
    return f"M{x1},{y1} C{x1 + middle},{y1} {x2 - middle},{y2} {x2},{y2}"


def _tail(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
