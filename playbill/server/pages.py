"""The pages for people: try-it form at `/` and documentation at `/docs`, with no outside asset.

Both render the application's own openapi.json in the browser. The files are read once, at start.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Response

if TYPE_CHECKING:
    from fastapi import FastAPI

FOLDER = Path(__file__).with_name("pages")
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ROUTES = {
    "/": "index.html",
    "/docs": "docs.html",
    "/assets/page.css": "page.css",
    "/assets/page.js": "page.js",
    "/assets/index.js": "index.js",
    "/assets/docs.js": "docs.js",
    "/favicon.ico": "icon.svg",
}


def install(app: "FastAPI") -> None:
    """Serve the pages; a fixed table of paths, so none is ever joined to a folder."""
    for route, name in ROUTES.items():
        _add(app, route, name)


def _add(app: "FastAPI", route: str, name: str) -> None:
    path = FOLDER / name
    content, kind = path.read_bytes(), KINDS[path.suffix]

    async def page() -> Response:
        return Response(content, media_type=kind)

    app.add_api_route(route, page, include_in_schema=False)
