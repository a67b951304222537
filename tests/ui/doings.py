"""What a person does on the page, as the tests say it."""

from typing import Any

ENDED = ".pill.quiet"
EXAMPLE = {
    "article": "An article on tides, replayed",
    "asking": "The same, asking about the outline",
    "rewards": "Six completions, mixed",
}


def begin(page: Any, graph: str, example: str) -> None:
    """Pick a graph, fill in an example, and run it."""
    pick(page, graph)
    page.get_by_role("button", name=EXAMPLE[example]).click()
    run(page)


def pick(page: Any, graph: str) -> None:
    """Pick a graph by its name, and wait for its form."""
    page.get_by_role("radio", name=graph).check()
    field = {"RAVEL": "Instruction", "RLAR": "Add a triple"}[graph]
    page.get_by_role("button", name=field).or_(page.get_by_label(field)).first.wait_for()


def run(page: Any) -> None:
    """Press Run, and wait for the run's own view."""
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/ui#/run/*")
    page.wait_for_selector(".run-head")


def as_json(page: Any, text: str) -> None:
    """Type input and settings as JSON."""
    page.get_by_role("button", name="As JSON").click()
    page.get_by_label("Input and settings as JSON").fill(text)


def ended(page: Any) -> None:
    """Wait for the run's end."""
    page.wait_for_selector(ENDED)


def overflow(page: Any) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def open_all(page: Any) -> None:
    """Open every disclosure, also those within others."""
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
