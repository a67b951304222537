"""One server for all tests of the page, one browser for those of a file; each test has a page, which must behave."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from dev_server import dev_server
from needs import skip_without

from ravelar.ui.guard import HOSTS

skip_without("playwright", "the page is looked at in a browser")
PATIENCE_MS = 20_000


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps adopted tools."""
    return tmp_path_factory.mktemp("library") / "tools.sqlite"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[str]:
    """The address of a server that answers its own page and programs only, as `ravelar ui` has it."""
    folder = tmp_path_factory.mktemp("server")
    env = {
        "RAVELAR_LIBRARY": str(library),
        HOSTS: "127.0.0.1 localhost",
        "OPENAI_API_KEY": "none",
        "LANGGRAPH_NO_VERSION_CHECK": "true",
        "OMP_NUM_THREADS": "1",
    }
    with dev_server(folder, env=env) as url:
        yield url


@pytest.fixture(scope="module")  # not the session: while it is open, no test of the process has a loop of its own
def browser() -> Iterator[Any]:
    """Headless Chromium; skips by name where there is none."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  starts nothing where no test needs it

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here")
    os.environ.pop("DEBUG", None)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, server: str) -> Iterator[Callable[..., Any]]:
    """Open the page in a window of some width and scheme; in the end nothing was complained of, or asked elsewhere."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_(where: str = "#/new", *, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{server}/ui{where}")
        page.wait_for_selector("main h1")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
    assert asked, "no page was opened"
    elsewhere = [url for url in asked if urlsplit(url).netloc != urlsplit(server).netloc]
    assert elsewhere == []
