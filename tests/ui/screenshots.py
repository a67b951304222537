"""Pictures of the local page for README and docs, made of real runs: `make screenshots`.

The article is the shipped exchange, given slowly by a model on the loopback; the verifier and its probes are those of
the tests. Nothing on a picture was drawn by hand.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
for folder in ("", "graphs", "agents", "tasks"):
    sys.path.insert(0, str(TESTS / folder))

from dev_server import dev_server  # noqa: E402
from five_tasks import TASKS  # noqa: E402
from langchain_core.messages import HumanMessage, SystemMessage  # noqa: E402
from loopback_model import RoleServer  # noqa: E402
from PIL import Image  # noqa: E402
from ravel_world import role_of_texts, section_of  # noqa: E402
from rlar_world import named, repaired, written  # noqa: E402
from ui.doings import as_json, begin, ended, pick, run  # noqa: E402
from ui.slow_writer import SlowWriter  # noqa: E402

from ravelar.tools.writing.demo import reply_to  # noqa: E402

IMAGES = TESTS.parent / "docs/images"
DESKTOP, PHONE = (1280, 860), (390, 844)
COLOURS = 96
UNITS = TASKS["unit_conversion"]
HONEST = (TESTS / "tasks/five_tasks/honest/units.py").read_text(encoding="utf-8")
LAZY = "def verify(prompt, completion, reference):\n    return 1.0\n"
BRIEF = {"instruction": "For readers of a harbour town's paper: what a tide table knows, and what it can't know."}


class Exchange:
    """The shipped exchange as a writer of the tests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    def says(self, texts: Sequence[str]) -> str:
        """Return the reply to a request's texts."""
        self.asked.append((role_of_texts(texts), section_of(texts[1])))
        return reply_to([SystemMessage(texts[0]), HumanMessage(texts[1])])


def main() -> None:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  with its driver

    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no Chromium here: install it, and make the pictures again")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        env = {"RAVELAR_LIBRARY": f"{place}/tools.sqlite", "OPENAI_API_KEY": "none"}
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        with dev_server(Path(place), env=env) as url:
            for picture in (writing, rewards, asking, acquiring):
                for size, scheme, ending in ((DESKTOP, "light", "desktop"), (PHONE, "dark", "phone")):
                    width, height = size
                    context = chromium.new_context(
                        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
                    )
                    page = context.new_page()
                    page.goto(f"{url}/ui")
                    page.wait_for_selector(".graph-form")
                    picture(page, lambda name, page=page, ending=ending: shot(page, f"{name}-{ending}"), Path(place))
                    context.close()
        chromium.close()


def writing(page: Any, take: Callable[[str], None], _place: Path) -> None:
    """An article while its sections are drafted, and when it is done."""
    with SlowWriter(Exchange(), pause_s=0.01, held=frozenset({"drafter"})) as model:
        settings = {"model": "openai:slow", "base_url": model.url, "protocol": "fixed"}
        as_json(page, json.dumps({"input": {"brief": BRIEF}, "context": settings}))
        run(page)
        page.locator(".stream").nth(3).wait_for()
        page.wait_for_timeout(800)
        take("ui-writing")
        model.release.set()
        ended(page)
    page.wait_for_timeout(500)
    take("ui-article")


def rewards(page: Any, take: Callable[[str], None], _place: Path) -> None:
    """Completions and their rewards."""
    begin(page, "RLAR", "rewards")
    ended(page)
    page.wait_for_selector(".graph .done")
    take("ui-rewards")


def asking(page: Any, take: Callable[[str], None], _place: Path) -> None:
    """The form, and a question about an outline."""
    take("ui-form")
    begin(page, "RAVEL", "asking")
    page.locator(".question").wait_for()
    page.wait_for_timeout(500)
    take("ui-question")


def acquiring(page: Any, take: Callable[[str], None], place: Path) -> None:
    """A verifier that was written, checked and repaired, before a person adopts it or not."""
    answers = {"task namer": named(UNITS.spec()), "writer": written(LAZY), "repairer": repaired(HONEST)}
    with RoleServer(answers) as model:
        pick(page, "RLAR")
        settings = {"model": "openai:loopback", "base_url": model.url, "search_hub": False, "ask_before_adopting": True}
        given = {"examples": UNITS.examples(60), "probes": UNITS.probes()}
        as_json(page, json.dumps({"input": given, "context": {**settings, "library": str(place / page_name(page))}}))
        run(page)
        page.locator(".question").wait_for()
        page.wait_for_timeout(500)
        take("ui-evidence")


def page_name(page: Any) -> str:
    """Return a library of this picture's own, so that the task is new each time."""
    return f"tools-{page.viewport_size['width']}.sqlite"


def shot(page: Any, name: str) -> None:
    """Take what the window shows, in few colours."""
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as taken:
        few = taken.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(f"{path.relative_to(TESTS.parent)}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
