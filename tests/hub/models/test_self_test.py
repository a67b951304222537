"""Each check passes on a good model and fails, by its own name, on one that was built to fail it."""

# ruff: noqa: PLC0415  torch is loaded by the tests that need it
import dataclasses
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.hub.adapters.options import AdapterOptions
from ravelar.tools.hub.reward_model import HubRewardModel, open_reward_model
from ravelar.tools.hub.self_test import GENERIC_PAIRS, SelfTest, self_test
from ravelar.tools.reward import RawScore, Scored, Triple

pytestmark = pytest.mark.slow

CHECKS = [
    "finite",
    "not_constant",
    "deterministic",
    "batched_equals_single",
    "empty_completion",
    "sign",
    "revision_pinned",
    "score_head_loaded",
    "pad_token",
    "padding",
    "one_bos",
    "own_chat_template",
    "truncation_reported",
]


@pytest.fixture
def pairs(tiny: Any) -> dict[str, list[tuple[str, str, str]]]:
    return {task: [(p.prompt, p.good, p.bad) for p in tiny.labelled_pairs(task, 12, seed=9)] for task in tiny.TASKS}


def opened(candidate: Any, folder: Path | None = None, **more: Any) -> HubRewardModel:
    given = {"repo": candidate.repo, "revision": candidate.revision, "device": "cpu", **more}
    return open_reward_model(folder or candidate.folder, **given)


def failed(test: SelfTest) -> list[str]:
    return [check.name for check in test.failed]


@pytest.mark.parametrize(
    ("name", "task"), [("courtesy-rm", "courtesy"), ("listing-rm", "listing"), ("courtesy-cost", "courtesy")]
)
def test_good_models_pass_every_check(candidates: Any, pairs: Any, name: str, task: str) -> None:
    test = self_test(opened(candidates[name]), pairs[task])
    assert test.passed, str(test)
    assert [check.name for check in test.checks] == CHECKS
    assert all(check.said for check in test.checks)
    assert str(test) == "passed 13 checks"
    assert test.as_rows()[0].keys() == {"name", "ok", "said"}


def test_a_padding_token_that_is_eos_is_named_with_the_score_it_changes(candidates: Any, pairs: Any) -> None:
    test = self_test(opened(candidates["pad-is-eos"]), pairs["courtesy"])
    assert failed(test) == ["pad_token"]
    assert "pad is eos (id 2): scored " in test["pad_token"].said
    assert str(test).startswith("pad_token: pad is eos")


def test_a_padding_token_that_is_eos_is_no_fault_where_no_score_changes(
    candidates: Any, pairs: Any, tiny: Any, copy_of: Any
) -> None:
    folder = copy_of("pad-is-eos")
    (folder / "chat_template.jinja").write_text(tiny.CHAT.replace("<|end|>", "."))
    test = self_test(opened(candidates["pad-is-eos"], folder), pairs["courtesy"])
    assert test["pad_token"].ok
    assert "no score changes by it" in test["pad_token"].said


@pytest.mark.parametrize(("pad", "said"), [(None, "it names no padding token"), ("<new>", "'<new>' has no embedding")])
def test_a_model_without_padding_token_fails_by_name(
    candidates: Any, pairs: Any, tiny: Any, copy_of: Any, pad: str | None, said: str
) -> None:
    folder = copy_of("listing-rm")
    tiny.edit_json(folder / "config.json", pad_token_id=None)
    tiny.edit_json(folder / "tokenizer_config.json", pad_token=pad)
    test = self_test(opened(candidates["listing-rm"], folder), pairs["listing"])
    assert failed(test) == ["pad_token", "padding"]
    assert said in test["pad_token"].said


def test_a_head_that_was_not_loaded_fails_by_name(candidates: Any, pairs: Any) -> None:
    model = opened(candidates["courtesy-rm"])
    spoil(model, missing=("score.weight",))
    test = self_test(model, pairs["courtesy"])
    assert failed(test) == ["score_head_loaded"]
    assert test["score_head_loaded"].said == "score.weight was not in the file"


def test_a_model_that_reads_its_padding_fails_by_name(candidates: Any, pairs: Any) -> None:
    import torch

    model = opened(candidates["courtesy-rm"])
    inner, forward = model.adapter.engine.model, model.adapter.engine.model.forward

    def blind(**given: Any) -> Any:
        """Attend to everything and pool at the last column, as a head of one's own may do."""
        said = forward(**given)
        said.logits = given["input_ids"].ne(0).sum(dim=1, keepdim=True).float() + given["input_ids"].shape[1]
        return said

    inner.forward = blind
    test = self_test(model)
    assert {"batched_equals_single", "padding"} <= set(failed(test))
    assert "batched " in test["batched_equals_single"].said
    assert "padded on the right " in test["padding"].said
    assert torch.is_tensor(inner.score.weight)


def test_a_sign_that_is_turned_fails_and_hints_at_a_cost_model(candidates: Any, pairs: Any) -> None:
    test = self_test(opened(candidates["courtesy-cost"], options={"direction": "higher"}), pairs["courtesy"])
    assert failed(test) == ["sign"]
    assert " of 12 pairs of the task" in test["sign"].said
    assert "is lower better?" in test["sign"].said


def test_without_pairs_of_the_task_the_generic_ones_decide(candidates: Any) -> None:
    said = self_test(opened(candidates["listing-rm"]))["sign"].said
    assert f"of {len(GENERIC_PAIRS)} generic pairs in order" in said
    assert "of the task" not in said


def test_a_revision_that_is_not_pinned_fails_by_name(candidates: Any, pairs: Any) -> None:
    test = self_test(opened(candidates["courtesy-rm"], revision="main"), pairs["courtesy"])
    assert failed(test) == ["revision_pinned"]
    assert test["revision_pinned"].said == "revision 'main'"


def test_dropout_that_was_left_on_fails_by_name(untrained: Any) -> None:
    folder = untrained("bert", "SequenceClassification", tokenizer={"chat": False, "pair": True}, num_labels=1)
    model = open_reward_model(folder, repo="a/b", revision="0" * 40, device="cpu")
    model.adapter.engine.model.train()
    assert {"deterministic", "batched_equals_single"} <= set(failed(self_test(model)))


def test_a_constant_head_and_one_that_says_nan_fail_by_name(candidates: Any) -> None:
    import torch

    model = opened(candidates["courtesy-rm"])
    model.adapter.engine.model.score.weight = torch.nn.Parameter(torch.zeros(1, 32), requires_grad=False)
    test = self_test(model)
    assert {"not_constant", "sign"} <= set(failed(test))
    assert "completions score 0" in test["not_constant"].said
    model.adapter.engine.model.score.weight.fill_(math.nan)
    test = self_test(model)
    assert "finite" in failed(test)
    assert "nan, which is no finite number" in test["finite"].said


def test_a_second_beginning_of_sequence_token_fails_by_name(
    candidates: Any, pairs: Any, tiny: Any, copy_of: Any
) -> None:
    folder = copy_of("listing-rm")
    (folder / "chat_template.jinja").write_text("<bos><bos>" + tiny.CHAT)
    test = self_test(opened(candidates["listing-rm"], folder), pairs["listing"])
    assert failed(test) == ["one_bos"]
    assert test["one_bos"].said == "2 beginning-of-sequence tokens at the start"


def test_a_text_other_than_the_own_templates_fails_by_name(candidates: Any, pairs: Any) -> None:
    test = self_test(opened(candidates["courtesy-rm"], options={"format": "{prompt} {completion}"}), pairs["courtesy"])
    assert "own_chat_template" in failed(test)
    assert "tokens where the model's own chat template has" in test["own_chat_template"].said


def test_cutting_in_silence_fails_by_name(candidates: Any, pairs: Any) -> None:
    model = opened(candidates["courtesy-rm"])
    adapter = model.adapter

    class Silent(type(adapter)):
        def encode(self, triple: Triple) -> Any:
            return dataclasses.replace(super().encode(triple), note=None)

    model.adapter = Silent(adapter.engine, adapter.options, adapter.score_index)
    test = self_test(model, pairs["courtesy"])
    assert failed(test) == ["truncation_reported"]
    assert "no note says so" in test["truncation_reported"].said


def test_an_empty_completion_that_breaks_the_model_fails_by_name(candidates: Any, pairs: Any) -> None:
    model = opened(candidates["courtesy-rm"])
    adapter = model.adapter

    class Touchy(type(adapter)):
        def encode(self, triple: Triple) -> Any:
            if not triple.answer.strip():
                raise ValueError("nothing to read")
            return super().encode(triple)

    model.adapter = Touchy(adapter.engine, adapter.options, adapter.score_index)
    test = self_test(model, pairs["courtesy"])
    assert failed(test) == ["empty_completion"]
    assert "nothing to read" in test["empty_completion"].said


def test_a_self_test_never_raises() -> None:
    class Broken:
        card = None

        def score(self, triples: Any) -> Any:
            raise RuntimeError("no such thing")

    test = self_test(Broken())
    assert not test.passed
    assert all("RuntimeError: no such thing" in check.said for check in test.checks)
    with pytest.raises(KeyError, match="no check 'grace'"):
        test["grace"]


def test_a_tool_that_is_not_loaded_here_is_checked_by_what_it_scores(fake_tool: Callable[..., Any]) -> None:
    tool = fake_tool(says=lambda triple: float(len(triple.answer)), low=-math.inf, high=math.inf)
    test = self_test(tool, [("a", "long", "x"), ("b", "longer", "y")])
    assert [check.name for check in test.checks] == CHECKS[:6]
    assert test.passed, str(test)


def test_one_unscored_completion_is_said(fake_tool: Callable[..., Any]) -> None:
    def says(triple: Triple) -> RawScore:
        return ToolUnavailable("asleep") if triple.answer == "No." else Scored(float(len(triple.answer)))

    test = self_test(fake_tool(says=says, low=-math.inf, high=math.inf))
    assert test["finite"].said == "1 of 16 completions unscored: ToolUnavailable: asleep"


def spoil(model: HubRewardModel, **changes: Any) -> None:
    adapter = model.adapter
    assert isinstance(model.options, AdapterOptions)
    model.adapter = dataclasses.replace(adapter, engine=dataclasses.replace(adapter.engine, **changes))


def test_checking_leaves_the_model_as_it_was(candidates: Any, pairs: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(candidates["pad-is-eos"].folder, tmp_path / "x")
    model = opened(candidates["pad-is-eos"], folder)
    triple = [Triple(*pairs["courtesy"][0][:2])]
    before, pad = model.score(triple), model.adapter.engine.model.config.pad_token_id
    self_test(model, pairs["courtesy"])
    assert model.score(triple) == before
    assert model.adapter.engine.model.config.pad_token_id == pad
