"""The local page as routes beside LangGraph's own (`studio.app`): whatever serves the graphs serves it at `/ui`.

    GET /ui              the page
    GET /ui/page/FILE    its modules and styles
    GET /ui/library      the adopted tools with their evidence, as JSON

All else the page asks the server's own API. It loads nothing from elsewhere, and a policy holds it to that.
"""

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ravelar.tools.errors import RavelarError
from ravelar.ui.adopted_tools import adopted_tools
from ravelar.ui.guard import HOSTS, ORIGINS, OwnPageOnly

PAGE = Path(str(files("ravelar.ui").joinpath("page")))

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",  # asked again each time: a newer Ravelar brings a newer page
}

_TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}


async def page(_request: Request) -> Response:
    """Return the page."""
    return FileResponse(PAGE / "index.html", media_type="text/html", headers=dict(HEADERS))


async def page_file(request: Request) -> Response:
    """Return one of the page's files; there are no folders among them."""
    name = request.path_params["name"]
    if name not in _FILES:
        return JSONResponse({"detail": f"the page has no file {name!r}"}, status_code=404, headers=dict(HEADERS))
    return FileResponse(PAGE / name, media_type=_TYPES[Path(name).suffix], headers=dict(HEADERS))


def library(_request: Request) -> Response:
    """Return the adopted tools; in a thread of its own, since it reads a database."""
    try:
        found: dict[str, Any] = adopted_tools()
    except RavelarError as error:
        return JSONResponse({"detail": str(error)}, status_code=503, headers=dict(HEADERS))
    return JSONResponse(found, headers=dict(HEADERS))


def page_routes() -> list[Route]:
    """Return the routes of the page."""
    return [
        Route("/ui", page, methods=["GET"], include_in_schema=False),
        Route("/ui/page/{name}", page_file, methods=["GET"], include_in_schema=False),
        Route("/ui/library", library, methods=["GET"], include_in_schema=False),
    ]


def guards() -> list[Middleware]:
    """Return what stands before the whole server: nothing, unless `HOSTS` says by which names it may be asked."""
    hosts = os.environ.get(HOSTS, "").split()
    origins = frozenset(os.environ.get(ORIGINS, "").split())
    return [Middleware(OwnPageOnly, hosts=frozenset(hosts), origins=origins)] if hosts else []


_FILES = frozenset(path.name for path in PAGE.iterdir() if path.suffix in _TYPES)
