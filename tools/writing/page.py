"""One run as one HTML page: the article, each section's drafts, reviews and changes, every step and what it cost.

events -> history by section, steps, costs -> template -> a page without scripts, which works offline

What models wrote is Markdown without HTML and without pictures; a policy in the page lets nothing load from elsewhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ravelar.tools.writing.demo import says_replay
from ravelar.tools.writing.detectors import length_of, without_spaces
from ravelar.tools.writing.diffs import changes_between
from ravelar.tools.writing.gate import has_finished
from ravelar.tools.writing.measures import RunMeasures, measure_run
from ravelar.tools.writing.replay import limits_in, run_of, state_of
from ravelar.tools.writing.state import Section, Spent, in_order

if TYPE_CHECKING:
    from jinja2 import Template
    from markdown_it import MarkdownIt

_HISTORY = frozenset({"text", "review", "reopened", "approved"})


def render_page(events: Iterable[Mapping[str, Any]]) -> str:
    """Return the page of a run, finished or not.

    Raises: InputError: if the log does not say what run it is of.
    """
    there = list(events)
    run, state, measures = run_of(there), state_of(there), measure_run(there)
    language = run["brief"]["language"]
    return _template().render(
        language=language,
        unit=unit_of(in_order(state)),
        title=state["title"] or run["brief"]["instruction"][:100],
        run=run,
        brief=run["brief"],
        replay=says_replay(language) if run.get("replay") else None,
        began=there[0]["at"],
        state=state,
        finished=has_finished(state["end"]),
        figures=figures_of(measures, state["brief"].get("words"), in_order(state)),
        sections=[_section(section, there) for section in in_order(state)],
        steps=_steps(there),
        costs=[("role", _costs(measures.by_role)), ("section", _costs(measures.by_section))],
        failures=[event for event in there if event["kind"] in {"retry", "failed", "gave_up"}],
        limits=limits_in(run),
    )


def figures_of(measures: RunMeasures, words: int | None, sections: Sequence[Section]) -> list[tuple[str, str, str]]:
    """Return a run's figures as (name, value, what it means); what is not known is a dash."""
    written = sum(length_of(section["content"]) for section in sections)
    spent = measures.spent
    tokens = spent["tokens_in"] + spent["tokens_out"]
    return [
        (unit_of(sections), f"{written:,}", f"of {words:,} asked for" if words else "no length was asked for"),
        ("steps", f"{measures.steps}", f"{measures.refused} refused"),
        ("revisions", f"{measures.revisions}", f"{measures.forced} sections given up below tau"),
        ("steps a section (η)", _number(measures.eta), "executed steps / sections"),
        ("revisions a section (ρ)", _number(measures.rho), "revisions / sections"),
        ("gain (δ)", _number(measures.delta, sign=True), "last score - first, over revised sections"),
        ("tokens", f"{tokens:,}", f"{spent['calls']} calls, {spent['retries']} retries"),
        ("cost", cost_of(spent), "as far as prices are known" if spent["unpriced"] else "by the price table"),
    ]


def unit_of(sections: Iterable[Section]) -> str:
    """Return in what the length of texts is counted: words, or characters where their script writes no spaces."""
    text = "".join(section["content"] for section in sections)
    return "characters" if without_spaces(text) else "words"


def cost_of(spent: Mapping[str, Any]) -> str:
    """Return a cost for people: with a mark where prices of some calls are not known, a dash where none is."""
    if spent["unpriced"] and not spent["cost"]:
        return "-"
    return f"{'at least ' if spent['unpriced'] else ''}${spent['cost']:.4f}" if spent["cost"] else "$0"


def _section(section: Section, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    name = section["id"]
    mine = [e for e in events if e["kind"] in _HISTORY and name in {e.get("section"), e.get("what")}]
    history, before = [], ""
    for event in mine:
        entry = {**event, "verdicts": _verdicts(event), "pieces": [], "html": ""}
        if event["kind"] == "text":
            entry["pieces"] = changes_between(before, event["content"]) if before else []
            entry["html"] = _markdown().render(event["content"])
            entry["words"] = length_of(event["content"])
            before = event["content"]
        history.append(entry)
    written = length_of(section["content"])
    return {**section, "html": _markdown().render(section["content"]), "history": history, "written": written}


def _verdicts(event: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return a review's verdicts as (criterion, verdict, comment); comments may not have been kept."""
    said = []
    for name, verdict in (event.get("verdicts") or {}).items():
        if isinstance(verdict, Mapping):
            said.append((name, str(verdict.get("verdict")), str(verdict.get("comment") or "")))
        else:
            said.append((name, str(verdict), ""))
    return said


def _steps(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every step with what its calls took, the planner's included."""
    calls: dict[int, list[Mapping[str, Any]]] = {}
    for event in events:
        if event["kind"] == "call":
            calls.setdefault(event["step"], []).append(event)
    rows = []
    for event in (event for event in events if event["kind"] == "step"):
        mine = calls.get(event["step"], [])
        rows.append(
            {
                **event,
                "tokens": sum(call["tokens_in"] + call["tokens_out"] for call in mine),
                "seconds": sum(call["seconds"] for call in mine),
                "models": ", ".join(dict.fromkeys(call["model"] for call in mine)),
            }
        )
    return rows


def _costs(by: Mapping[str, Spent]) -> list[tuple[str, Spent, str]]:
    return [(name or "-", spent, cost_of(spent)) for name, spent in by.items()]


def _number(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "-"
    return f"{value:+.2f}" if sign else f"{value:.2f}"


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  where a page is made

    text = files("ravelar.tools.writing").joinpath("page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(text)


@cache
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415  where a page is made

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
