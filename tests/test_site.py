"""The documentation as a site: links hold, pictures have words, pages fit a phone, nobody else is asked."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PHONE, DESK = 380, 1280
LOOKED_AT = ("", "tutorial/", "reference/ravelar/")
_WIDE = """() => [...document.querySelectorAll("article *")].filter(
    one => one.getBoundingClientRect().right > innerWidth + 1
        && !one.closest("pre, .highlight, .md-typeset__scrollwrap")
).map(one => `${one.tagName}: ${one.textContent.trim().slice(0, 50)}`)"""


class Page(HTMLParser):
    """A built page: its anchors, what it links to, its pictures without words, what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.wordless: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {name for name in (found.get("id"), found.get("name")) if name}
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        if tag == "img" and len(found.get("alt") or "") < 10:
            self.wordless.append(str(found.get("src")))
        loads = found.get("src") if tag in {"img", "script", "iframe", "source"} else None
        if tag == "link" and found.get("rel") != "canonical":
            loads = found.get("href")
        if loads:
            self.loaded.append(loads)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does, in a folder of its own."""
    pytest.importorskip("mkdocstrings", reason="the extra 'docs' is not installed")
    folder = tmp_path_factory.mktemp("documentation")
    package = folder / ".cache" / "package" / "ravelar"
    package.mkdir(parents=True)
    for source in [
        *(ROOT / "api").iterdir(),
        *(ROOT / n for n in ("agents", "benchmark", "graphs", "tools", "training")),
    ]:
        (package / source.name).symlink_to(source)
    (folder / "docs").symlink_to(ROOT / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder / "site")],
        cwd=folder, env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {path.relative_to(site).as_posix(): Page(path.read_text("utf-8")) for path in site.rglob("*.html")}


def test_links_and_anchors_lead_somewhere(site: Path, pages: dict[str, Page]) -> None:
    broken = []
    for name, page in pages.items():
        if name == "404.html":
            continue
        for link in page.links:
            whole = urlsplit(urljoin(f"http://site/{name}", link))
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            path = unquote(whole.path).lstrip("/")
            target = path + "index.html" if path.endswith("/") or not path else path
            if not (site / target).is_file():
                broken.append(f"{name}: {link}")
            elif whole.fragment and target in pages and unquote(whole.fragment) not in pages[target].anchors:
                broken.append(f"{name}: {link} (no such anchor)")
    assert not broken
    assert sum(len(page.links) for page in pages.values()) > 1_000


def test_pictures_have_words_and_all_that_is_loaded_is_the_sites_own(pages: dict[str, Page]) -> None:
    assert not [f"{name}: {one}" for name, page in pages.items() for one in page.wordless]
    foreign = [f"{name}: {one}" for name, page in pages.items() for one in page.loaded if re.match(r"https?:|//", one)]
    assert not foreign


def test_every_page_of_the_docs_is_in_the_nav() -> None:
    nav = (ROOT / "mkdocs.yml").read_text("utf-8")
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert not {name for name in there if not re.search(rf": {re.escape(name)}$", nav, re.M)}


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the site on the loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, directory=str(site), **named)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium here")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_pages_fit_a_phone_and_ask_nobody_else(address: str, chromium: Any, pages: dict[str, Page]) -> None:
    tab = chromium.new_page(viewport={"width": PHONE, "height": 800})
    asked: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    wide = {}
    for name in pages:
        if name != "404.html":
            tab.goto(address + name.removesuffix("index.html"))
            if found := tab.evaluate(_WIDE):
                wide[name] = found
            assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE, name
    tab.close()
    assert not wide, json.dumps(wide, indent=1)
    assert not errors
    assert asked
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_axe_finds_nothing(address: str, chromium: Any, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    tab = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = {}
    for name in LOOKED_AT:
        tab.goto(address + name)
        tab.wait_for_load_state("networkidle")
        broken = axe.run(tab).response["violations"]
        found |= {f"{name} {one['id']}": [node["html"][:150] for node in one["nodes"][:4]] for one in broken}
    tab.close()
    assert not found, json.dumps(found, indent=1)
