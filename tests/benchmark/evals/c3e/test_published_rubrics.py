"""The published rubrics are read from the user's copy, never run, and sent as they are."""

import asyncio
import json
from pathlib import Path

import pytest

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.c3e.published_rubrics import published_prompt, read_rubrics
from ravelar.benchmark.evals.c3e.stages import JudgeSettings, judging_stage
from ravelar.benchmark.evals.kept_replies import KeptReplies
from ravelar.benchmark.evals.models import ModelSettings
from ravelar.benchmark.evals.rows import StageRows, read_rows_by_key
from ravelar.benchmark.evals.running import run_stage
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError

NAMES = [f"EVALUATION_{task}_{code}" for task in ("CLOZE", "CONDITION", "EDIT", "END2END") for code in ("EN", "CN")]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A file of the published form, with words of our own, and code that must not run."""
    lines = [f'{name} = """Judge by {name}. Braces: {{x}}"""' for name in NAMES]
    ran = tmp_path / "ran"
    text = "\n".join([*lines, f"open({str(ran)!r}, 'w')", "import nowhere"])
    (tmp_path / "evaluation_prompts.py").write_text(text, encoding="utf-8")
    return tmp_path


def test_rubrics_are_parsed_and_nothing_of_the_file_runs(copy: Path) -> None:
    rubrics = read_rubrics(copy)
    assert rubrics["cloze", "zh"] == "Judge by EVALUATION_CLOZE_CN. Braces: {x}"
    assert len(rubrics) == 8
    assert not (copy / "ran").exists()


def test_a_file_that_is_no_such_file_is_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_rubrics(tmp_path / "nowhere.py")
    (copy / "evaluation_prompts.py").write_text("EVALUATION_CLOZE_EN = 'x'", encoding="utf-8")
    with pytest.raises(InputError, match="holds no text EVALUATION_CLOZE_CN"):
        read_rubrics(copy)


def test_every_task_is_asked_with_its_rubric_and_labels(copy: Path, items: list[Item]) -> None:
    rubrics = read_rubrics(copy)
    labels = {"cloze": "[Context]", "condition": "[Outline]", "edit": "[Critique]", "end2end": "[Instruction]"}
    for item in items:
        rendered = published_prompt(rubrics, item, "The text.")
        assert rendered.system == rubrics[item.brief.task, item.brief.language]
        assert labels[item.brief.task] in rendered.user
        assert rendered.user.endswith(f"[Reference]\n{item.reference}\n\n[Candidate]\nThe text.")


def test_a_judgement_by_them_keeps_its_analysis_as_reasons(
    served, copy: Path, items: list[Item], tmp_path: Path
) -> None:
    server = served(
        json.dumps({"score": "7", "critique": {"pros_cons": "apt", "key_reason": "fit"}, "verdict": "Good."})
    )
    judge = JudgeSettings(ModelSettings("openai:j", base_url=server.url), rubrics=read_rubrics(copy))
    brief = items[0].brief
    output = {"key": "w|x|0", "item": brief.key, "task": brief.task, "language": "en", "system": "w", "sample": 0,
              "text": "A text."}  # fmt: skip
    stage = judging_stage(items, [output], judge, meter=Meter(), kept=KeptReplies(None))
    with StageRows(tmp_path / "rows.jsonl") as rows:
        asyncio.run(run_stage(stage, rows))
    (row,) = read_rows_by_key(tmp_path / "rows.jsonl").values()
    assert (row["score"], row["verdict"], row["judge"]) == (7, "Good.", "j by the published rubrics")
    assert row["reasons"] == [{"about": "pros_cons", "finding": "apt"}, {"about": "key_reason", "finding": "fit"}]
    assert server.requests[0]["messages"][0]["content"] == "Judge by EVALUATION_CLOZE_EN. Braces: {x}"


def test_they_judge_nothing_without_the_reference(copy: Path, items: list[Item]) -> None:
    judge = JudgeSettings(ModelSettings("openai:j"), with_reference=False, rubrics=read_rubrics(copy))
    with pytest.raises(InputError, match="compare with the reference"):
        judging_stage(items, [], judge, meter=Meter(), kept=KeptReplies(None))
