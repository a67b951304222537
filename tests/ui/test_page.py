"""The local page in Chromium, on a real server: what a person does with it, and what must never happen."""

import json
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from five_tasks import TASKS
from loopback_model import RoleServer
from ravel_world import Writer, action, outline, prose, text_of
from rlar_world import named, repaired, written
from ui.doings import as_json, begin, ended, open_all, overflow, pick, run
from ui.slow_writer import SlowWriter

pytestmark = pytest.mark.slow

Open = Callable[..., Any]
UNITS = TASKS["unit_conversion"]
HONEST = (Path(__file__).parents[1] / "tasks/five_tasks/honest/units.py").read_text(encoding="utf-8")
LAZY = "def verify(prompt, completion, reference):\n    return 1.0\n"
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


def fits(page: Any, view: str) -> None:
    """Check that a view is no wider than its window, and that axe finds nothing, be it light or dark."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  for this alone

    assert overflow(page) <= 0, view
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{view}, {scheme}: {found.generate_report()}"


def test_an_article_is_written_and_is_there_again_after_a_reload(open_page: Open) -> None:
    page = open_page()
    begin(page, "RAVEL", "article")
    ended(page)
    assert page.locator(".section").count() == 4
    assert page.locator(".section .tag.good").count() == 4
    assert "A replay." in page.locator(".article .notice").first.inner_text()
    second = page.locator(".section").nth(1)
    assert "5.5 → 8.5" in second.locator(".scores").inner_text()
    page.reload()
    page.wait_for_selector(".section")
    second.get_by_text("1 earlier text").click()
    earlier = second.locator(".draft .prose").inner_text()
    assert second.locator(".draft").count() == 1
    assert earlier and earlier != second.locator(".prose").first.inner_text()
    page.wait_for_selector(".graph .done")
    page.get_by_role("link", name="Runs").click()
    page.locator(".runs a").first.click()
    page.wait_for_selector(".section")
    assert "harbour town" in page.locator("h1").inner_text()


def test_a_run_is_deleted_after_a_second_word_and_one_that_is_under_way_is_not(open_page: Open, server: str) -> None:
    page = open_page()
    begin(page, "RLAR", "rewards")
    ended(page)
    thread = page.url.rpartition("/")[2]
    page.goto(f"{server}/ui#/runs")
    line = page.locator(".runs li", has=page.locator(f"a[href$='{thread}']"))
    line.get_by_role("button", name="Delete the run").click()
    fits(page, "a run that may be deleted")
    line.get_by_role("button", name="Keep it").click()
    assert page.evaluate("document.activeElement.textContent") == "Delete"
    line.get_by_role("button", name="Delete the run").click()
    line.get_by_role("button", name="Delete it").click()
    line.wait_for(state="detached")
    page.locator("#said", has_text="Deleted: ").wait_for(state="attached")
    assert page.request.get(f"{server}/threads/{thread}").status == 404
    with SlowWriter(Writer(2), held=frozenset({"drafter"})) as model:
        settings = {"model": "openai:slow", "base_url": model.url, "protocol": "fixed"}
        page.goto(f"{server}/ui#/new")
        as_json(page, json.dumps({"input": {"brief": {"instruction": "On piers."}}, "context": settings}))
        run(page)
        page.wait_for_selector(".stream .tokens")
        page.goto(f"{server}/ui#/runs")
        page.locator(".runs a", has_text="On piers.").wait_for()
        assert page.locator(".runs li", has_text="On piers.").get_by_role("button").count() == 0
        model.release.set()


def test_completions_get_rewards_and_the_unscored_are_counted_with_their_reason(open_page: Open) -> None:
    page = open_page()
    begin(page, "RLAR", "rewards")
    ended(page)
    rows = page.locator(".rewards tbody tr").all_inner_texts()
    assert any(row.split() == ["math_answer", "2", "0.500", "0"] for row in rows), rows
    assert any(row.split()[-4:] == ["fits", "2", "–", "2"] for row in rows), rows
    assert "2 unscored" in page.locator(".rewards .notice.warn").inner_text()
    assert "no reference" in page.locator(".rewards .notice.warn").inner_text()
    assert page.locator(".reward-row").count() == 6


def test_an_outline_is_changed_by_a_person_before_anything_is_drafted(open_page: Open) -> None:
    page = open_page()
    begin(page, "RAVEL", "asking")
    question = page.locator(".question")
    question.wait_for()
    assert "Is the outline right?" in question.inner_text()
    page.reload()  # the question is still there
    question.wait_for()
    question.get_by_text("Change it").click()
    question.get_by_label("Title", exact=True).fill("Of tides and tables")
    question.get_by_role("button", name="Approve").click()
    ended(page)
    assert page.locator(".article-title").inner_text() == "Of tides and tables"
    assert page.locator(".question").count() == 0


def test_an_outline_is_refused_with_a_reason(open_page: Open) -> None:
    page = open_page()
    begin(page, "RAVEL", "asking")
    page.locator(".question").wait_for()
    page.get_by_label("Reason, if you refuse").fill("Not about tides.")
    page.get_by_role("button", name="Refuse").click()
    ended(page)
    assert "Not about tides." in page.locator(".article .notice.warn").last.inner_text()


def test_wrong_input_is_named_beside_its_field_and_above_and_nothing_is_begun(open_page: Open) -> None:
    page = open_page()
    pick(page, "RLAR")
    page.get_by_role("button", name="Run", exact=True).click()
    assert "fill in at least one of triples, examples, probes" in page.locator(".problems").inner_text()
    page.get_by_role("button", name="Add a triple").click()
    page.get_by_label("Prompt", exact=True).fill("What is 6 * 7?")
    page.get_by_role("button", name="Run", exact=True).click()
    assert "Completion is needed." in page.locator(".problems").inner_text()
    assert page.evaluate("document.activeElement.classList.contains('problems')")
    page.locator(".problems a").click()
    control = page.get_by_label("Completion", exact=True)
    assert control.get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    control.fill("It is 42.")
    page.get_by_label("Reference optional").fill("42")
    run(page)
    ended(page)
    assert page.locator(".reward-row .reward").inner_text() == "1.000"


def test_numbers_out_of_range_and_broken_json_are_named(open_page: Open) -> None:
    page = open_page()
    pick(page, "RAVEL")
    page.get_by_label("Instruction", exact=True).fill("On tides.")
    page.get_by_label("Words").first.fill("many")
    page.get_by_role("button", name="Run", exact=True).click()
    assert "“many” is no number." in page.locator(".problems").inner_text()
    page.get_by_label("Words").first.fill("")
    as_json(page, '{"input": ')
    page.get_by_role("button", name="Run", exact=True).click()
    assert "This is no JSON" in page.locator(".problems").inner_text()


def test_sections_are_approved_rewritten_by_hand_or_sent_back(open_page: Open) -> None:
    page = open_page()
    with SlowWriter(Writer(3)) as model:
        settings = {"model": "openai:slow", "base_url": model.url, "protocol": "fixed", "approve": ["sections"]}
        as_json(page, json.dumps({"input": {"brief": {"instruction": "On harbours."}}, "context": settings}))
        run(page)
        question = page.locator(".question")
        question.wait_for()
        question.get_by_label("Change the text").first.check()
        question.get_by_label("Text of “Of herring”").fill("")
        question.get_by_role("button", name="Send").click()
        assert "Of herring: there is nothing in it yet." in question.inner_text()
        question.get_by_label("Text of “Of herring”").fill("Herring came late that year, and the harbour waited.")
        question.get_by_label("Send it back").nth(1).check()
        question.get_by_label("What is to be changed in “Of pilots”").fill("Name a pilot.")
        question.get_by_role("button", name="Send").click()
        page.get_by_text("s2 must be refined after all: Name a pilot.").wait_for()
        for name in ("s1", "s2"):  # each that was changed is shown once more, when it is closed again
            page.get_by_role("heading", name=f"Are these right: {name}?").wait_for()
            question.get_by_role("button", name="Send").click()
        ended(page)
    assert "Herring came late that year" in page.locator(".section").first.inner_text()
    assert "Now 0." in page.locator(".section").nth(1).inner_text()
    page.locator("#said", has_text="The run has ended").wait_for(state="attached")


def test_what_the_graph_refuses_is_said_in_its_own_words(open_page: Open) -> None:
    page = open_page()
    as_json(page, json.dumps({"input": {"brief": {"instruction": "On tides"}}, "context": {"model": "nobody:nothing"}}))
    run(page)
    failure = page.locator("[role=alert].notice")
    failure.wait_for()
    assert "nobody" in failure.inner_text()
    assert page.locator(".pill").inner_text() == "failed"


def test_hostile_text_is_shown_as_text(open_page: Open) -> None:
    page = open_page("#/new/rlar")
    triple = {"prompt": HOSTILE, "completion": f"{HOSTILE} 42", "reference": 42}
    as_json(page, json.dumps({"input": {"triples": [triple]}, "context": {"acquire": False}}))
    run(page)
    ended(page)
    assert HOSTILE in page.locator(".reward-row .completion").inner_text()
    writer = Writer(1, outliner=lambda *_: outline(1).replace("North Sea harbours", "<img src=x onerror=alert(1)>"))
    writer.answers["drafter"] = lambda *_: text_of(f"{prose('herring')} {HOSTILE}")
    with SlowWriter(writer) as model:
        page.goto(page.url.split("#")[0] + "#/new/ravel")
        page.get_by_role("button", name="As JSON").wait_for()
        settings = {"model": "openai:slow", "base_url": model.url, "protocol": "no_review"}
        as_json(page, json.dumps({"input": {"brief": {"instruction": HOSTILE}}, "context": settings}))
        run(page)
        ended(page)
    assert "onerror" in page.locator(".section .prose").inner_text()
    assert page.locator(".article-title").inner_text() == "<img src=x onerror=alert(1)>"
    assert page.locator("main img, main script").count() == 0
    assert page.title() == "Run · Ravelar"


def test_a_run_is_watched_word_by_word_left_found_again_and_stopped(open_page: Open) -> None:
    page = open_page()
    with SlowWriter(Writer(2), held=frozenset({"drafter"})) as model:
        settings = {"model": "openai:slow", "base_url": model.url, "protocol": "fixed"}
        as_json(page, json.dumps({"input": {"brief": {"instruction": "On harbours."}}, "context": settings}))
        run(page)
        page.wait_for_selector(".stream .tokens")
        page.locator(".run-head .where", has_text="at draft ×2").wait_for()
        assert "had a year" in page.locator(".stream .tokens").first.inner_text()
        titles = page.locator(".section h3").all_inner_texts()
        assert set(page.locator(".stream .over").all_inner_texts()) <= {f"draft: {title}" for title in titles}
        assert page.locator(".graph .node.active").count() == 1
        assert page.locator(".section").count() == 2
        page.reload()
        page.wait_for_selector(".stream .tokens")  # what was streamed before is streamed again
        assert page.locator(".steps li").count() >= 3
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Go on").wait_for()
        model.release.set()
        page.get_by_role("button", name="Go on").click()
        ended(page)
    assert page.locator(".section .tag.good").count() == 2


def test_rows_come_from_a_file_and_a_broken_line_is_named(open_page: Open, tmp_path: Path) -> None:
    page = open_page("#/new/rlar")
    page.get_by_role("button", name="From a file… for triples").wait_for()
    rows = [{"prompt": f"What is {i} + 1?", "completion": f"It is {i + 1}.", "reference": i + 1} for i in range(30)]
    good, broken = tmp_path / "rows.jsonl", tmp_path / "broken.jsonl"
    good.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    broken.write_text('{"prompt": "a"}\n{"prompt": \n', encoding="utf-8")
    chosen = page.locator("fieldset.list").first.locator("input[type=file]")
    chosen.set_input_files(broken)
    page.get_by_text("broken.jsonl, line 2 is no JSON").wait_for()
    chosen.set_input_files(good)
    page.get_by_text("30 rows").wait_for()
    run(page)
    ended(page)
    assert page.locator(".rewards tbody tr").first.inner_text().split() == ["math_answer", "30", "1.000", "0"]


def test_a_run_is_begun_again_with_what_it_was_given(open_page: Open) -> None:
    page = open_page()
    begin(page, "RAVEL", "article")
    ended(page)
    page.get_by_role("button", name="Run again…").click()
    page.wait_for_selector(".graph-form")
    assert "harbour town" in page.get_by_label("Instruction", exact=True).input_value()
    page.get_by_text("Settings: model, limits, approvals").click()
    assert page.get_by_label("Model", exact=True).input_value() == "scripted:demo"
    page.get_by_label("Model", exact=True).fill("")  # taken out, it is sent as nothing, not as what it was
    run(page)
    page.locator("[role=alert].notice", has_text="no language model is set").wait_for()
    page.goto(page.url.split("#")[0] + "#/new")
    page.get_by_label("Model", exact=True).wait_for()  # where RAVEL has no model, the settings are open


def test_the_planner_s_thoughts_and_refusals_are_among_the_steps(open_page: Open) -> None:
    page = open_page()
    replies = [
        action("outline"),
        action("review", "s1"),
        action("draft", "s1"),
        action("review", "s1"),
        action("finish"),
    ]
    with SlowWriter(Writer(1, planner=lambda _, nth, __: replies[nth]), pause_s=0.02) as model:
        settings = {"model": "openai:slow", "base_url": model.url}
        as_json(page, json.dumps({"input": {"brief": {"instruction": "On herring."}}, "context": settings}))
        run(page)
        ended(page)
    steps = "\n".join(page.locator(".steps li").all_inner_texts())
    assert "refused" in steps.lower()
    assert "1 action of the planner refused." in page.locator(".article").inner_text()


def test_until_a_form_has_come_no_other_is_there_to_be_filled_in(open_page: Open) -> None:
    page = open_page()
    page.wait_for_selector(".graph-form")
    held: queue.SimpleQueue[Any] = queue.SimpleQueue()
    page.route("**/schemas", lambda route: held.put(route))  # noqa: PLW0108  Playwright marks what it is given
    page.get_by_role("radio", name="RLAR").check()
    page.get_by_text("Loading the form").wait_for()
    assert page.locator(".graph-form").count() == 0
    next_of(held, page).continue_()
    page.get_by_role("button", name="Add a triple").wait_for()
    page.get_by_text("acquire, ask before adopting").click()
    page.get_by_text("Loading the form").wait_for()
    next_of(held, page).fulfill(body="no JSON")
    page.get_by_role("alert").filter(has_text="JSON").wait_for()
    assert page.locator(".graph-form").count() == 0


def next_of(held: "queue.SimpleQueue[Any]", page: Any) -> Any:
    while held.empty():
        page.wait_for_timeout(20)  # the browser's own turn
    return held.get()


@pytest.mark.parametrize("width", [320, 1280])
def test_every_view_fits_its_window_and_is_accessible(open_page: Open, width: int) -> None:
    page = open_page(width=width)
    page.wait_for_selector(".graph-form")
    fits(page, "an empty form")
    page.get_by_role("button", name="Run", exact=True).click()
    fits(page, "a form with a problem")
    pick(page, "RLAR")
    page.get_by_role("button", name="Six completions").click()
    open_all(page)
    fits(page, "a form that is filled in, all of it open")
    run(page)
    ended(page)
    fits(page, "rewards")
    page.goto(page.url.split("#")[0] + "#/new/ravel")
    page.wait_for_selector(".graph-form")
    begin(page, "RAVEL", "asking")
    page.locator(".question").wait_for()
    page.get_by_text("Change it").click()
    fits(page, "a question")
    page.get_by_role("button", name="Approve").click()
    ended(page)
    open_all(page)
    page.wait_for_selector(".draft")
    fits(page, "an article")
    for view in ("Runs", "Tools"):
        page.get_by_role("link", name=view).click()
        page.get_by_role("heading", level=1, name=view).wait_for()
        fits(page, view)


def test_a_tool_is_acquired_with_a_person_s_approval_and_stands_in_the_library(
    open_page: Open, tmp_path: Path, jail: object
) -> None:
    answers = {"task namer": named(UNITS.spec()), "writer": written(LAZY), "repairer": repaired(HONEST)}
    page = open_page("#/new/rlar", width=390, scheme="dark")
    with RoleServer(answers) as model:
        page.get_by_text("acquire, ask before adopting").click()
        page.get_by_role("button", name="From a file… for probes").wait_for()
        lists = page.locator("fieldset.list")
        for i, rows in ((1, UNITS.examples(60)), (2, UNITS.probes())):
            path = tmp_path / f"{i}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            lists.nth(i).locator("input[type=file]").set_input_files(path)
        page.get_by_text("Settings: model, limits, approvals").click()
        page.get_by_label("Model", exact=True).fill("openai:loopback")
        open_all(page)
        page.get_by_label("Base URL").fill(model.url)
        page.get_by_label("Search Hub").uncheck()
        run(page)
        page.locator(".question").wait_for()
        assert "Adopt written verifier, attempt 2" in page.locator(".question h2").inner_text()
        assert page.locator(".question .fact").count() >= 2
        page.locator(".question").get_by_text("The program").click()
        assert page.locator(".question pre").inner_text().strip() == HONEST.strip()
        page.get_by_role("button", name="Adopt it").click()
        ended(page)
    assert "unit_conversion" in page.locator(".good-edge h2").inner_text()
    assert page.get_by_role("heading", name="Candidates: 1 passed, 1 refused").count() == 1
    open_all(page)
    fits(page, "candidates")
    page.get_by_role("link", name="Tools").click()
    card = page.locator("article.card", has_text="unit_conversion")
    card.wait_for()
    assert "held-out probes" in card.inner_text()
    card.get_by_text("1 candidate refused").click()
    card.get_by_text("attempt 1").wait_for()
    fits(page, "a library")


def test_the_keyboard_does_for_everything_and_the_focus_follows_the_view(open_page: Open) -> None:
    page = open_page()
    page.wait_for_selector(".graph-form")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")  # Tools, Runs, New run: backwards
    page.wait_for_selector(".graph-form")
    page.get_by_role("radio", name="RAVEL").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Add a triple").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.get_by_role("button", name="Remove triple 1").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Add a triple"
