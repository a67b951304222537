"""Who may ask the server: its own page, and programs; no page of another site, under whatever name.

A server on the loopback is reached by every page that the browser has open, and a run may name a model server to
which the key of this machine is sent. So a request that says it comes from another site is refused, and so is one
to a name that is not the server's own, by which a site would pass for it (DNS rebinding). Programs say neither.
"""

import re
from fnmatch import fnmatchcase

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOSTS = "RAVELAR_UI_HOSTS"
"""Variable with the names by which the server may be asked, apart by spaces; "*" is any name. Where it is not set, as
under `langgraph dev`, the server asks nobody where they come from: Studio is another site."""

ORIGINS = "RAVELAR_UI_ORIGINS"
"""Variable with the sites, besides the server itself, whose pages may use it, apart by spaces; "*" stands for any
part of a name, such as in https://*.smith.langchain.com."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_EVERY_ADDRESS = frozenset({"0.0.0.0", "::", ""})

_ITSELF = "/noauth"  # the root path that the server gives to requests of its own; nobody outside can set it


class OwnPageOnly:
    """Refuses what comes from another site's page.

    Args:
        app: What answers.
        hosts: The names of the server, without a port, as browsers put them into `Host`.
        origins: Other sites whose pages may use it, as browsers put them into `Origin`.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], origins: frozenset[str] = frozenset()) -> None:
        self.app, self.hosts, self.origins = app, hosts, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with 403 and the reason."""
        asked = scope["type"] in {"http", "websocket"} and scope.get("root_path") != _ITSELF
        why = self.refusal(Headers(scope=scope)) if asked else None
        if why is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await JSONResponse({"detail": why}, status_code=403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": why})

    def refusal(self, headers: Headers) -> str | None:
        """Return why a request is refused, or None."""
        host, origin = headers.get("host", ""), headers.get("origin")
        name = re.sub(r":\d+$", "", host)
        if name not in self.hosts and "*" not in self.hosts:
            return f"host {name!r} is not this server; allowed: {', '.join(sorted(self.hosts))}"
        if (
            origin is None
            or origin.partition("://")[2] == host
            or any(fnmatchcase(origin, one) for one in self.origins)
        ):
            return None
        allowed = ", ".join([f"its own page, http://{host}/ui", *sorted(self.origins)])
        return f"the page of {origin} may not use this server; allowed: {allowed}"


def names_of(host: str) -> frozenset[str]:
    """Return the names by which a server may be asked that listens on an address; "*" where it listens on all."""
    if host in _EVERY_ADDRESS:
        return frozenset({"*"})
    return _LOOPBACK | {f"[{host}]" if ":" in host else host}
