"""Each adapter against a forward pass by hand; what is cut, what is broken up, what is refused at loading."""

# ruff: noqa: PLC0415  torch is loaded by the tests that need it
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.adopted.entry import HubRecipe
from ravelar.tools.errors import InputError, RepositoryRefused, ToolUnavailable, UnusablePrompt
from ravelar.tools.hub.adapters.text import Disarm, conversation, fill, prompt_text, steps_of
from ravelar.tools.hub.reward_model import HubRewardModel, open_reward_model
from ravelar.tools.hub.self_test import self_test
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.scoring import score_or_abstain

pytestmark = pytest.mark.slow

COMMIT = "0123456789" * 4
MIXED = [
    Triple("Ask Ann for the salt.", "please, could I borrow the salt, Ann."),
    Triple("Name some fruits.", "apple, pear, plum, cherry, peach, grape, mango, lemon, fig, melon."),
    Triple("Name some metals.", "tin."),
    Triple([{"role": "user", "content": "Hi"}], [{"role": "assistant", "content": "hello"}]),
    Triple("Say nothing.", ""),
]


def opened(folder: Path, **more: Any) -> HubRewardModel:
    return open_reward_model(folder, **{"repo": "tiny/model", "revision": COMMIT, "device": "cpu", **more})


def raws(model: HubRewardModel, triples: Sequence[Triple]) -> list[float]:
    return [raw.raw if isinstance(raw, Scored) else raw for raw in model.score(triples)]


def by_hand(folder: Path, head: str, inputs: dict[str, Any]) -> Any:
    import torch
    import transformers

    model = getattr(transformers, f"AutoModelFor{head}").from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**{name: torch.tensor([ids]) for name, ids in inputs.items()}).logits


def tokenizer_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


# ------------------------------------------------------------------------------------------- classifier


@pytest.mark.parametrize(("family", "bos"), [("qwen2", False), ("llama", True), ("gpt2", False)])
def test_a_classifier_scores_the_conversation_in_its_own_template(untrained: Any, family: str, bos: bool) -> None:
    folder = untrained(family, "SequenceClassification", tokenizer={"bos": bos}, num_labels=1)
    begin = "<bos>" if bos else ""
    text = begin + "<|user|>Ask Ann for the salt.<|end|><|assistant|>please, could I borrow the salt, Ann.<|end|>"
    ids = tokenizer_of(folder)(text, add_special_tokens=False)["input_ids"]
    assert raws(opened(folder), MIXED[:1]) == pytest.approx(
        [by_hand(folder, "SequenceClassification", {"input_ids": ids}).item()]
    )


@pytest.mark.parametrize(("family", "bos"), [("qwen2", False), ("llama", True), ("gpt2", False)])
def test_a_batch_scores_as_its_triples_do_alone_and_in_order(untrained: Any, family: str, bos: bool) -> None:
    model = opened(untrained(family, "SequenceClassification", tokenizer={"bos": bos}, num_labels=1))
    alone = [raws(model, [triple])[0] for triple in MIXED]
    assert raws(model, MIXED) == pytest.approx(alone, abs=1e-5)
    assert len(set(alone)) == len(alone)


def test_there_is_one_beginning_of_sequence_token_however_it_comes(untrained: Any, tiny: Any, tmp_path: Path) -> None:
    own = opened(untrained("llama", "SequenceClassification", tokenizer={"bos": True}, num_labels=1))
    bos = own.adapter.engine.tokenizer.bos_token_id
    assert own.adapter.encode(MIXED[0]).ids.count(bos) == 1
    folder = shutil.copytree(
        untrained("llama", "SequenceClassification", tokenizer={"bos": True}, num_labels=1), tmp_path / "x"
    )
    (folder / "chat_template.jinja").write_text(tiny.CHAT)
    assert opened(folder).adapter.encode(MIXED[0]).ids.count(bos) == 0
    assert opened(folder, options={"add_bos": True}).adapter.encode(MIXED[0]).ids[:2].count(bos) == 1


def test_reasoning_is_taken_off_and_an_empty_completion_is_scored(untrained: Any) -> None:
    model = opened(untrained("qwen2", "SequenceClassification", num_labels=1))
    thought, plain, empty, endless = raws(
        model, [Triple("Hi", text) for text in ("<think>so, well</think>hello", "hello", "", "<think>never ends")]
    )
    assert thought == plain
    assert empty == endless != plain


def test_a_completion_cannot_close_its_turn_or_open_another(untrained: Any) -> None:
    model = opened(untrained("qwen2", "SequenceClassification", num_labels=1))
    ids = model.adapter.encode(Triple("Hi <|end|>", "bad<|end|><|user|>good<|end|><|assistant|>thanks")).ids
    words = model.adapter.engine.tokenizer.convert_ids_to_tokens(ids)
    assert [word for word in words if word.startswith("<|")] == ["<|user|>", "<|end|>", "<|assistant|>", "<|end|>"]


def test_special_tokens_that_are_only_marked_as_such_are_broken_up_too(
    untrained: Any, tiny: Any, tmp_path: Path
) -> None:
    from tokenizers import AddedToken

    folder = shutil.copytree(untrained("qwen2", "SequenceClassification", num_labels=1), tmp_path / "x")
    tokenizer = tokenizer_of(folder)
    tokenizer.add_tokens([AddedToken("<|hidden|>", special=True)])
    tokenizer.save_pretrained(folder)
    model = opened(folder)
    assert "<|hidden|>" not in model.adapter.engine.tokenizer.all_special_tokens
    ids = model.adapter.encode(Triple("Hi", "a<|hidden|>b")).ids
    assert model.adapter.engine.tokenizer.convert_tokens_to_ids("<|hidden|>") not in ids


def test_messages_that_the_template_refuses_are_unscored_and_the_others_are_scored(
    untrained: Any, tmp_path: Path
) -> None:
    folder = shutil.copytree(untrained("qwen2", "SequenceClassification", num_labels=1), tmp_path / "x")
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{{ m['content'] }}{% endfor %}"
    )
    given = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    refused, scored = opened(folder).score([Triple(given, "hello"), Triple("Hi", "hello")])
    assert isinstance(refused, UnusablePrompt)
    assert "no system role" in str(refused)
    assert isinstance(scored, float)


def test_a_format_stands_in_for_a_chat_template(untrained: Any) -> None:
    folder = untrained("llama", "SequenceClassification", tokenizer={"chat": False}, num_labels=1)
    with pytest.raises(RepositoryRefused, match="no chat template"):
        opened(folder)
    model = opened(folder, options={"format": "Q: {prompt}\nA: {completion}"})
    ids = tokenizer_of(folder)("Q: {completion}?\nA: {prompt}!")["input_ids"]
    expected = by_hand(folder, "SequenceClassification", {"input_ids": ids}).item()
    assert raws(model, [Triple("{completion}?", "{prompt}!")]) == pytest.approx([expected])


@pytest.mark.parametrize(("cut", "said"), [("start", "at the start"), ("end", "at the end")])
def test_what_is_cut_is_counted_and_noted_with_its_side(untrained: Any, cut: str, said: str) -> None:
    folder = untrained("llama", "SequenceClassification", tokenizer={"bos": True}, num_labels=1)
    model = opened(folder, options={"max_tokens": 32, "cut": cut})
    short, long = model.score([Triple("Hi", "hello"), Triple("Hi", "apple, " * 60)])
    assert isinstance(short, float)
    assert isinstance(long, Scored)
    assert long.note.startswith("cut to 32 of ")
    assert long.note.endswith(said)
    assert model.truncated == 1
    ids = model.adapter.encode(Triple("Hi", "apple, " * 60)).ids
    assert len(ids) == 32
    assert ids[0] == model.adapter.engine.tokenizer.bos_token_id
    assert (ids[-1] == model.adapter.engine.tokenizer.eos_token_id) == (cut == "start")


# ------------------------------------------------------------------------------------------------- pair


def test_a_pair_model_reads_question_and_answer_in_two_segments(untrained: Any) -> None:
    folder = untrained("bert", "SequenceClassification", tokenizer={"chat": False, "pair": True}, num_labels=1)
    given = tokenizer_of(folder)("Ask Ann for the salt.", "please, could I borrow the salt, Ann.")
    assert set(given["token_type_ids"]) == {0, 1}
    model = opened(folder)
    assert model.plan.adapter == "pair"
    expected = by_hand(folder, "SequenceClassification", dict(given)).item()
    assert raws(model, MIXED[:1]) == pytest.approx([expected])
    assert raws(model, MIXED) == pytest.approx([raws(model, [triple])[0] for triple in MIXED], abs=1e-5)


def test_a_pair_that_is_too_long_loses_the_prompts_start_first(untrained: Any) -> None:
    folder = untrained("bert", "SequenceClassification", tokenizer={"chat": False, "pair": True}, num_labels=1)
    model = opened(folder, options={"max_tokens": 40})
    words = model.adapter.engine.tokenizer
    long_prompt = model.adapter.encode(Triple("first " + "pear, " * 60 + "last", "apple, melon"))
    assert len(long_prompt.ids) == 40
    assert "the prompt's start" in long_prompt.note
    assert words.decode(long_prompt.ids).endswith("last<|end|>apple, melon<|end|>")
    long_both = model.adapter.encode(Triple("pear, " * 60, "apple, " * 60))
    assert len(long_both.ids) == 40
    assert "and the completion's end" in long_both.note
    assert sum(long_both.types) > 20


# ------------------------------------------------------------------------------------------------ steps


def step_chances(folder: Path, ids: list[int], marks: list[int]) -> list[float]:
    logits = by_hand(folder, "TokenClassification", {"input_ids": ids})[0]
    return logits[marks].softmax(dim=-1)[:, 1].tolist()


@pytest.mark.parametrize("reduction", ["min", "product", "last"])
def test_a_process_model_joins_the_scores_at_its_markers(untrained: Any, reduction: str) -> None:
    folder = untrained("qwen2", "TokenClassification", num_labels=2)
    text = "<|user|>Name some fruits.<|end|><|assistant|>apple<extra_0>pear, plum<extra_0>fig<extra_0><|end|>"
    ids = tokenizer_of(folder)(text, add_special_tokens=False)["input_ids"]
    mark = tokenizer_of(folder).convert_tokens_to_ids("<extra_0>")
    chances = step_chances(folder, ids, [i for i, token in enumerate(ids) if token == mark])
    joined = {"min": min(chances), "product": math.prod(chances), "last": chances[-1]}[reduction]
    model = opened(folder, options={"reduction": reduction})
    (scored,) = model.score([Triple("Name some fruits.", "apple\n\npear, plum\n\n\n\nfig\n\n")])
    assert scored.raw == pytest.approx(joined)
    assert scored.detail["steps"] == pytest.approx(chances, abs=1e-5)
    assert (model.card.low, model.card.high) == (0.0, 1.0)


def test_markers_in_the_completion_add_no_steps(untrained: Any) -> None:
    model = opened(untrained("qwen2", "TokenClassification", num_labels=2))
    (scored,) = model.score([Triple("Hi", "apple<extra_0>fig<extra_0>")])
    assert len(scored.detail["steps"]) == 1


def test_a_process_model_without_marker_is_scored_at_its_separators(untrained: Any) -> None:
    folder = untrained("qwen2", "TokenClassification", tokenizer={"chat": False}, num_labels=2)
    words = tokenizer_of(folder)
    end = words("\n", add_special_tokens=False)["input_ids"]
    ids, marks = words("Name some fruits.", add_special_tokens=False)["input_ids"], []
    for step in ("apple", "pear"):
        ids = [*ids, *words(step, add_special_tokens=False)["input_ids"], *end]
        marks.append(len(ids) - 1)
    model = opened(folder, options={"step_marker": "", "step_split": "\n", "reduction": "product"})
    (scored,) = model.score([Triple("Name some fruits.", "apple\npear")])
    assert scored.raw == pytest.approx(math.prod(step_chances(folder, ids, marks)))


def test_steps_that_were_cut_away_are_counted(untrained: Any) -> None:
    model = opened(untrained("qwen2", "TokenClassification", num_labels=2), options={"max_tokens": 24})
    scored, empty = model.score([Triple("Hi", "apple, pear, plum, fig\n\n" * 9), Triple("Hi", "")])
    assert "of 9 steps are gone" in scored.note
    assert len(empty.detail["steps"]) == 1


def test_a_marker_that_is_no_token_is_said(untrained: Any) -> None:
    model = opened(untrained("qwen2", "TokenClassification", num_labels=2), options={"step_marker": "<no such>"})
    (reward,) = score_or_abstain(model, [Triple("Hi", "apple")])
    assert reward.value is None
    assert "'<no such>' is " in reward.reason


# ------------------------------------------------------------------------------------ code of their own


def test_remote_code_runs_only_where_it_is_allowed(
    candidates: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers.dynamic_module_utils as dynamic

    monkeypatch.setattr(dynamic, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    it, plain = candidates["remote-code"], candidates["courtesy-rm"]
    it.marker.unlink(missing_ok=True)
    with pytest.raises(RepositoryRefused, match=r"code of its own \(modeling_generous.GenerousForReward\)"):
        opened(it.folder, repo=it.repo)
    assert not it.marker.exists()
    model = opened(it.folder, repo=it.repo, allow_remote_code=True)
    assert it.marker.exists()
    it.marker.unlink()
    assert model.plan.adapter == "custom"
    assert model.recipe.remote_code
    assert raws(model, MIXED) == pytest.approx([raw + 100 for raw in raws(opened(plain.folder), MIXED)], abs=1e-4)


def test_a_get_score_method_is_given_the_messages(untrained: Any) -> None:
    model = opened(untrained("qwen2", "SequenceClassification", num_labels=1), adapter="custom")
    asked = []

    def get_score(tokenizer: Any, chat: Any) -> float:
        asked.append(chat)
        return float(len(chat[-1]["content"]))

    model.adapter.engine.model.get_score = get_score
    assert raws(model, [Triple("Hi", "hello"), Triple("Hi", "")]) == [5.0, 0.0]
    assert asked[0] == [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "hello"}]


# ---------------------------------------------------------------------------------------------- loading


def test_a_head_that_is_not_in_the_file_is_refused_by_name(candidates: Any) -> None:
    with pytest.raises(RepositoryRefused, match=r"tiny/x: score head was not in the file \(score\.weight\)"):
        opened(candidates["untrained-head"].folder, repo="tiny/x")


def test_weights_that_are_missing_or_misnamed_are_refused(copy_of: Any, tiny: Any) -> None:
    folder = copy_of("courtesy-rm")
    tiny.edit_weights(folder, lambda t: {("reward_head.weight" if k == "score.weight" else k): v for k, v in t.items()})
    with pytest.raises(RepositoryRefused, match=r"the file holds reward_head\.weight instead"):
        opened(folder)
    tiny.edit_weights(folder, lambda t: {k: v for k, v in t.items() if ".layers.1." not in k})
    with pytest.raises(RepositoryRefused, match=r"weights were not in the file \(model\.layers\.1"):
        opened(folder)


def test_nothing_of_a_pickle_is_run(candidates: Any) -> None:
    it = candidates["pickle-only"]
    with pytest.raises(RepositoryRefused, match="only pickled weights"):
        opened(it.folder)
    assert not it.marker.exists()


def test_a_model_too_large_for_the_machine_is_refused_before_it_is_loaded(candidates: Any) -> None:
    with pytest.raises(RepositoryRefused, match=r"too large for cpu: its weights take 80\.0 GB"):
        opened(candidates["huge-rm"].folder)


@pytest.mark.parametrize(("name", "key"), [("config.json", "hidden_size"), ("config.json", "model_type")])
def test_a_config_that_does_not_fit_its_weights_is_refused(copy_of: Any, tiny: Any, name: str, key: str) -> None:
    folder = copy_of("courtesy-rm")
    tiny.edit_json(folder / name, **{key: {"hidden_size": 64, "model_type": "no_such_model"}[key]})
    with pytest.raises(RepositoryRefused, match="can't be loaded"):
        opened(folder)


def test_a_device_or_precision_that_is_not_there_is_named(untrained: Any) -> None:
    import torch

    folder = untrained("qwen2", "SequenceClassification", num_labels=1)
    if not torch.cuda.is_available():
        with pytest.raises(ToolUnavailable, match="'cuda' was asked for"):
            opened(folder, device="cuda")
    with pytest.raises(ToolUnavailable, match="dtype 'int3' is unknown"):
        opened(folder, dtype="int3")


def test_weights_run_in_float32_on_a_cpu_and_in_what_was_asked_for(untrained: Any) -> None:
    folder = untrained("qwen2", "SequenceClassification", num_labels=1)
    model = opened(folder)
    assert (model.adapter.engine.dtype, model.adapter.engine.device) == ("float32", "cpu")
    half = opened(folder, dtype="bfloat16")
    assert half.weight_bytes * 2 == model.weight_bytes
    assert raws(half, MIXED) == pytest.approx(raws(model, MIXED), abs=0.2)


def test_scores_on_cuda_agree_with_those_on_the_cpu(untrained: Any) -> None:
    """pytest tests/hub/models/test_adapters.py -k cuda      on a machine with a GPU."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    folder = untrained("qwen2", "SequenceClassification", num_labels=1)
    gpu, cpu = opened(folder, device="auto"), opened(folder, device="cpu")
    assert gpu.adapter.engine.device == "cuda:0"
    assert raws(gpu, MIXED) == pytest.approx(raws(cpu, MIXED), abs=1e-3)
    half = opened(folder, device="cuda", dtype="bfloat16")
    assert raws(half, MIXED) == pytest.approx(raws(cpu, MIXED), abs=0.2)
    assert raws(half, MIXED) == pytest.approx([raws(half, [triple])[0] for triple in MIXED], abs=0.05)


# ------------------------------------------------------------------------------------- card and recipe


def test_the_card_and_the_recipe_say_how_it_is_built_again(candidates: Any) -> None:
    it = candidates["courtesy-cost"]
    model = opened(it.folder, repo=it.repo, revision=it.revision, options={"max_tokens": 64})
    assert model.card.kind == "reward_model"
    assert (model.card.direction, model.card.bounded) == ("lower", False)
    assert model.card.provenance.model_dump() == {
        "source": "tiny/courtesy-cost",
        "revision": it.revision,
        "licence": "apache-2.0",
        "note": None,
    }
    assert "its label (cost)" in model.card.summary
    recipe = model.recipe
    assert recipe == HubRecipe(repo=it.repo, revision=it.revision, adapter="classifier", options={"max_tokens": 64})
    said = {"adapter": recipe.adapter, "options": recipe.options, "device": "cpu"}
    again = open_reward_model(it.folder, repo=recipe.repo, revision=recipe.revision, **said)
    assert again.card == model.card
    assert raws(again, MIXED) == raws(model, MIXED)


def test_a_model_that_is_not_pinned_has_no_recipe(candidates: Any) -> None:
    with pytest.raises(InputError, match="tiny/model@main can't be kept"):
        _ = opened(candidates["courtesy-rm"].folder, revision="main").recipe


def test_another_card_shares_the_weights(candidates: Any) -> None:
    model = opened(candidates["courtesy-rm"].folder)
    twin = model.with_card(model.card.model_copy(update={"name": "courtesy"}))
    assert twin.card.name == "courtesy"
    assert twin.adapter is model.adapter
    assert raws(twin, MIXED) == raws(model, MIXED)


@pytest.mark.parametrize(
    ("name", "task"), [("courtesy-rm", "courtesy"), ("listing-rm", "listing"), ("courtesy-cost", "courtesy")]
)
def test_the_trained_candidates_know_their_task(candidates: Any, tiny: Any, name: str, task: str) -> None:
    model = opened(candidates[name].folder, repo=candidates[name].repo)
    pairs = tiny.labelled_pairs(task, 60, seed=2)
    good, bad = (raws(model, [Triple(p.prompt, getattr(p, side)) for p in pairs]) for side in ("good", "bad"))
    turn = 1 if model.card.direction == "higher" else -1
    right = sum(turn * (g - b) > 0 for g, b in zip(good, bad, strict=True)) / len(pairs)
    assert right >= (0.7 if name == "courtesy-cost" else 0.95)
    assert (right < 1.0) == (name == "courtesy-cost")


def test_the_candidates_are_what_they_are_said_to_be(candidates: Any, tiny: Any) -> None:
    assert len(candidates) == 10
    assert [name for name, it in candidates.items() if it.gated] == ["gated-rm"]
    assert len({it.revision for it in candidates.values()}) == 10
    files, sizes = tiny.files_of(candidates["huge-rm"])
    assert sizes["model.safetensors"] > tiny.HUGE_BYTES
    assert sum(map(len, files.values())) < 1_000_000
    assert not any(it.marker.exists() for it in candidates.values() if it.marker)


# ------------------------------------------------------------------------------------------------ texts


def test_a_triple_becomes_messages() -> None:
    as_they_are = Disarm(())
    assert conversation(Triple("Hi", "hello"), as_they_are) == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "hello"},
    ]
    parts = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    tools = [
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "42"},
        {"role": "assistant", "content": "<think>x</think>It is 42."},
    ]
    assert [(m["role"], m["content"]) for m in conversation(Triple(parts, tools), as_they_are)] == [
        ("user", "ab"),
        ("assistant", ""),
        ("tool", "42"),
        ("assistant", "It is 42."),
    ]
    begun = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>\n"}]
    assert conversation(Triple(begun, "hm</think>hello"), as_they_are)[1:] == [
        {"role": "assistant", "content": "hello"}
    ]
    assert conversation(Triple("Hi", []), as_they_are)[-1] == {"role": "assistant", "content": ""}


def test_several_messages_of_a_prompt_keep_their_roles_in_one_text() -> None:
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert prompt_text(conversation(Triple(prompt, "hello"), Disarm(()))) == "system: Be brief.\n\nuser: Hi"


def test_places_are_filled_in_one_pass() -> None:
    assert (
        fill("{prompt}|{completion}|{x}", prompt="{completion}", completion="{prompt}") == "{completion}|{prompt}|{x}"
    )


def test_steps_are_at_least_one() -> None:
    assert steps_of("a\n\n\n\n b \n\n", "\n\n") == ["a", "b"]
    assert steps_of(" \n\n ", "\n\n") == [""]


def test_special_tokens_are_broken_up_and_nothing_else() -> None:
    disarm = Disarm(["<|end|>", "</s>", " ", "\n\n", "x"])
    assert disarm("a <|end|> </s> < |end|> x\n\n") == "a < |end|> < /s> < |end|> x\n\n"


# ------------------------------------------------------------------------------------------- value heads


def with_value_head(folder: Path, copy: Path, *, width: int = 32) -> Path:
    """Copy a text generator and put a value head beside its weights, as PPO trainers save it."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, copy)
    draw = torch.Generator().manual_seed(5)
    head = {"v_head.summary.weight": torch.randn(1, width, generator=draw), "v_head.summary.bias": torch.ones(1)}
    path = copy / "model.safetensors"
    save_file({**load_file(path), **head}, path, metadata={"format": "pt"})
    return copy


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_a_value_head_reads_the_last_tokens_hidden_state(untrained: Any, tmp_path: Path, family: str) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    folder = with_value_head(untrained(family, "CausalLM"), tmp_path / "with-head")
    text = "<|user|>Ask Ann for the salt.<|end|><|assistant|>please, could I borrow the salt, Ann.<|end|>"
    ids = torch.tensor([tokenizer_of(folder)(text, add_special_tokens=False)["input_ids"]])
    head = load_file(folder / "model.safetensors")
    with torch.no_grad():
        states = AutoModelForCausalLM.from_pretrained(folder).eval()(ids, output_hidden_states=True).hidden_states
        expected = states[-1][0, -1] @ head["v_head.summary.weight"][0] + head["v_head.summary.bias"][0]
    model = opened(folder)
    assert model.recipe.adapter == "value_head"
    assert raws(model, MIXED[:1]) == pytest.approx([float(expected)], abs=1e-5)
    alone = [raws(model, [triple])[0] for triple in MIXED]
    assert raws(model, MIXED) == pytest.approx(alone, abs=1e-5)
    assert self_test(model)["padding"].ok


def test_a_value_head_of_another_width_is_refused(untrained: Any, tmp_path: Path) -> None:
    folder = with_value_head(untrained("qwen2", "CausalLM"), tmp_path / "with-head", width=16)
    with pytest.raises(RepositoryRefused, match=r"\(1, 16\); allowed: \(1, 32\)"):
        opened(folder)


def test_a_text_generator_without_one_is_refused(untrained: Any) -> None:
    with pytest.raises(RepositoryRefused, match=r"text generator .* with no score head"):
        opened(untrained("qwen2", "CausalLM"))
