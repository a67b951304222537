"""What the server runs beside LangGraph's own routes: the local page, and the assistants' registration."""

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from ravelar.studio.assistants import registering
from ravelar.studio.launching import GRACE
from ravelar.ui.app import guards, page_routes


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Register the assistants at the start; at the end, wait for no run that waits for a language model."""
    async with registering(app):
        yield
    if seconds := os.environ.get(GRACE):
        leaving = threading.Timer(float(seconds), os._exit, [0])
        leaving.daemon = True
        leaving.start()


app = Starlette(routes=page_routes(), middleware=guards(), lifespan=lifespan)
