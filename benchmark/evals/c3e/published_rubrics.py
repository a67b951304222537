"""The published judge rubrics, read from the user's copy of the published repository; nothing of them is kept here.

They are the texts of its `evaluation_prompts.py`, which is parsed and never run. They are sent as they are, with their
defects (the rubrics of edits hold one item's imagery), and the texts to judge stand behind plain labels that they can
close: for comparison with published figures only.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

from ravelar.agents.prompts import Rendered, digest_of
from ravelar.benchmark.evals.c3e.items import TASKS, Brief, Item
from ravelar.benchmark.evals.c3e.messages import cloze_text
from ravelar.tools.errors import InputError

Rubrics = Mapping[tuple[str, str], str]
"""The system message by task and language."""

FILE = "evaluation_prompts.py"
_CODES = {"en": "EN", "zh": "CN"}


def read_rubrics(path: Path) -> Rubrics:
    """Read the rubrics from a copy of the published repository, or from its file.

    Raises:
        InputError: if the file is not there, can't be parsed, or lacks one of the eight rubrics.
    """
    file = path / FILE if path.is_dir() else path
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
        raise InputError(f"{file}: the published rubrics can't be read: {error}") from None
    texts = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    kinds = [(task, language) for task in TASKS for language in _CODES]
    names = {(task, language): f"EVALUATION_{task.upper()}_{_CODES[language]}" for task, language in kinds}
    if missing := [name for name in names.values() if name not in texts]:
        raise InputError(f"{file} holds no text {missing[0]}; is it the published file?")
    return {which: texts[name] for which, name in names.items()}


def published_prompt(rubrics: Rubrics, item: Item, candidate: str) -> Rendered:
    """Return what the published scripts send a judge: the rubric, then the texts behind their labels."""
    brief = item.brief
    parts = [*_before(brief), ("Reference", item.reference), ("Candidate", candidate)]
    system = rubrics[brief.task, brief.language]
    user = "\n\n".join(f"[{label}]\n{text}" for label, text in parts)
    return Rendered(f"c3e.published.{brief.task}", digest_of(system), system, user, holds_reference=True)


def _before(brief: Brief) -> list[tuple[str, str]]:
    """Return what stands before reference and candidate, with its labels."""
    given = brief.given
    if brief.task == "cloze":
        return [("Context", cloze_text(brief))]
    if brief.task == "edit":
        return [("Original", given["content"]), ("Critique", given["critique"])]
    instruction = [("Instruction", brief.instruction)]
    if brief.task == "condition":
        return [*instruction, ("Outline", given.get("condition") or given.get("outline", ""))]
    return instruction
