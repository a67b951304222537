"""The shortlist: a reason of its own for each kind of model that must not be used."""

import itertools

import pytest

from ravelar.tools.hub.facts import HeadTensor, HubFile, ModelFacts
from ravelar.tools.hub.inspection import inspect
from ravelar.tools.hub.memory import free_bytes, memory_budget
from ravelar.tools.hub.shortlist import Limits, memory_needed, refusal, shortlist


def facts(repo: str = "acme/judge", **more) -> ModelFacts:
    known = {
        "revision": "0" * 40,
        "architectures": ("LlamaForSequenceClassification",),
        "num_labels": 1,
        "score_head": (HeadTensor(name="score.weight", shape=(1, 8), dtype="BF16"),),
        "head_outputs": 1,
        "headers_read": True,
        "parameters": 1_000_000_000,
        "weights": ("model.safetensors",),
        "weight_bytes": {"safetensors": 2_000_000_000},
        "files": (HubFile(path="config.json", size=5), HubFile(path="model.safetensors", size=2_000_000_000)),
        **more,
    }
    return ModelFacts(repo=repo, **known)


HEADLESS = {"score_head": (), "head_outputs": None}
TWO = {"head_outputs": 2, "num_labels": 2}
REFUSED = {
    "gated": ({"gated": True, "unread": {"config.json": "x is gated: y"}}, r"^gated: its owner must grant access"),
    "disabled": ({"disabled": True}, r"^disabled by the Hub$"),
    "pickle only": ({"weights": (), "weight_bytes": {"pickle": 500_000_000}}, r"^pickle only \(0\.50 GB\): loading"),
    "gguf only": ({"weights": (), "weight_bytes": {"gguf": 5}}, r"^no weights as model\.safetensors.*found: gguf$"),
    "empty": ({"weights": (), "weight_bytes": {}}, r"formats found: none$"),
    "remote code": (
        {"auto_map": {"AutoModel": "modeling.Judge"}},
        r"^needs its own code \(modeling\.Judge\), .* by name$",
    ),
    "plain model": ({**HEADLESS, "lm_head": True}, r"^no score head: a plain language model"),
    "causal": ({**HEADLESS, "architectures": ("LlamaForCausalLM",)}, r"^no score head: a plain language model"),
    "headless": (HEADLESS, r"^no score head among its weights \(LlamaForSequenceClassification\): .* untrained"),
    "header unread": ({**HEADLESS, "headers_read": False}, r"^no safetensors header could be read: none was sent"),
    "pairwise tag": ({"tags": ("reward-model", "pair-rm")}, r"^pairwise only \(pair-rm\): it compares two"),
    "pairwise class": ({"architectures": ("DebertaV2PairRM",)}, r"^pairwise only \(DebertaV2PairRM\)"),
    "sentiment": (
        {**TWO, "id2label": {0: "NEGATIVE", 1: "POSITIVE"}},
        r"^a sentiment classifier of 2 labels \(NEGATIVE, POSITIVE\), no reward model.*needed: score_index",
    ),
    "many labels": (
        {"head_outputs": 9, "id2label": {n: f"L{n}" for n in range(9)}},
        r"of 9 labels \(L0, L1, L2, L3, L4, \.\.\.\)",
    ),
    "tagger": (
        {**TWO, "architectures": ("BertForTokenClassification",), "id2label": {0: "O", 1: "B-PER"}},
        r"^tags tokens with 2 labels \(O, B-PER\)",
    ),
    "image": ({"pipeline_tag": "image-classification"}, r"^wrong pipeline: it is tagged image-classification"),
    "adapter": ({"peft_base": "meta/base"}, r"^an adapter \(LoRA or the like\) of meta/base"),
    "no config": ({"files": ()}, r"^no config\.json"),
    "broken config": ({"unread": {"config.json": "it is list"}}, r"^config\.json can't be used: it is list$"),
    "broken index": (
        {"weights": (), "unread": {"model.safetensors.index.json": "it has no weight_map"}},
        r"^its index of weights can't be used: it has no weight_map",
    ),
    "memory": ({"parameters": 70_000_000_000}, r"^too large for memory: about 168\.0 GB in bf16 .* allowed: 8\.0 GB$"),
    "bytes": ({"weight_bytes": {"safetensors": 99_000_000_000}}, r"^too large to download: 99\.00 GB .* 20\.00 GB$"),
}
LIMITS = Limits(memory_bytes=8_000_000_000, max_bytes=20_000_000_000)


def test_a_sound_reward_model_is_kept() -> None:
    assert refusal(facts(), LIMITS) is None


@pytest.mark.parametrize("name", REFUSED)
def test_each_kind_of_unusable_model_has_its_own_reason(name: str) -> None:
    more, says = REFUSED[name]
    reason = refusal(facts(**more), LIMITS)
    assert reason is not None
    with pytest.raises(ValueError, match=says):
        raise ValueError(reason)


def test_no_two_kinds_share_a_reason_but_plain_models() -> None:
    reasons = {name: refusal(facts(**more), LIMITS) for name, (more, _) in REFUSED.items()}
    same = [{a, b} for a, b in itertools.combinations(reasons, 2) if reasons[a] == reasons[b]]
    assert same == [{"plain model", "causal"}]


def test_an_opened_gate_is_none() -> None:
    assert refusal(facts(gated=True), LIMITS) is None


def test_code_runs_only_where_every_repository_that_holds_it_is_named() -> None:
    own = facts(auto_map={"AutoModel": "modeling.Judge"}, **HEADLESS)
    assert refusal(own, Limits(allow_remote_code={"acme/judge"})) is None
    assert "acme/judge is allowed by name" in refusal(own, Limits(allow_remote_code={"acme/other"}))
    foreign = facts(auto_map={"AutoModel": "evil/code--modeling.Judge, other/code--m.J"})
    assert "the code of evil/code" in refusal(foreign, Limits(allow_remote_code={"acme/judge"}))
    assert "the code of other/code" in refusal(foreign, Limits(allow_remote_code={"acme/judge", "evil/code"}))
    assert refusal(foreign, Limits(allow_remote_code={"acme/judge", "evil/code", "other/code"})) is None


def test_a_classifier_is_kept_where_one_label_is_named_as_the_score() -> None:
    two = facts(**TWO, id2label={0: "bad", 1: "good"})
    assert refusal(two, Limits(score_index={"acme/judge": 1})) is None
    assert refusal(two, Limits(score_index={"acme/judge": 2})) == "score_index is 2; allowed: 0 to 1"
    assert "classifier of 2 labels (bad, good)" in refusal(two, Limits(score_index={"acme/other": 1}))


def test_a_process_reward_model_of_two_labels_is_kept() -> None:
    assert refusal(facts(**TWO, architectures=("Qwen2ForProcessRewardModel",)), LIMITS) is None
    assert refusal(facts(**TWO, architectures=("Qwen2ForTokenClassification",)), LIMITS) is None


def test_a_model_trained_on_pairs_is_no_pairwise_one() -> None:
    assert refusal(facts(tags=("reward-model", "pairwise-loss", "preference-pairs")), LIMITS) is None


def test_a_reward_tag_outweighs_a_strange_pipeline() -> None:
    assert refusal(facts(pipeline_tag="image-text-to-text", tags=("reward-model",)), LIMITS) is None


def test_without_limits_nothing_is_too_large() -> None:
    assert refusal(facts(parameters=10**13, weight_bytes={"safetensors": 10**13}), Limits()) is None


def test_small_models_need_room_to_work_too() -> None:
    assert memory_needed(facts(parameters=1_000_000)) == 202_000_000
    assert memory_needed(facts(parameters=10**9)) == 2_400_000_000
    assert memory_needed(facts(parameters=None)) is None


def test_the_first_candidates_are_kept_in_order_and_each_other_has_a_reason() -> None:
    given = [
        facts("a/one"),
        facts("b/old", weights=(), weight_bytes={"pickle": 1}),
        facts("c/two"),
        facts("a/one"),
        facts("d/three"),
    ]
    kept, refused = shortlist(given, max_candidates=2, memory_bytes=10**12, max_bytes=10**12)
    assert [each.repo for each in kept] == ["a/one", "c/two"]
    assert [repo for repo, _ in refused] == ["b/old", "d/three"]
    assert refused[1].reason == "not looked at further: 2 candidates before it are as many as the budget allows"
    assert shortlist(given, max_candidates=2, memory_bytes=10**12, max_bytes=10**12) == (kept, refused)


def test_from_a_hub_of_nine_only_the_sound_ones_are_kept(hub, client, reward_model_files, safetensors_file) -> None:
    make = reward_model_files
    hub.add("n/good", make())
    hub.add("n/cost", make(tensors={"score_head.weight": ("F32", [1, 8])}))
    hub.add("n/gated", make(), gated="auto")
    hub.add("n/pickle", make(**{"model.safetensors": None, "pytorch_model.bin": b"x"}))
    hub.add("n/code", make({"auto_map": {"AutoModel": "m.M"}}))
    hub.add("n/headless", make(tensors={"model.embed_tokens.weight": ("F32", [4, 4])}))
    hub.add(
        "n/sentiment",
        make({"num_labels": 2, "id2label": {"0": "NEGATIVE", "1": "POSITIVE"}}, {"score.weight": ("F32", [2, 8])}),
    )
    hub.add("n/plain", make({"architectures": ["LlamaForCausalLM"]}, {"lm_head.weight": ("F32", [9, 8])}))
    huge = make(tensors={"score.weight": ("F32", [1, 8])})
    hub.add("n/huge", huge, info={"safetensors": {"total": 10**12}})
    asking = client(hub)
    looked = [inspect(asking, repo) for repo in hub.repositories]
    looked[-1] = looked[-1].model_copy(update={"parameters": 10**12})
    kept, refused = shortlist(looked, max_candidates=9, memory_bytes=8 * 10**9, max_bytes=10**9)
    assert [each.repo for each in kept] == ["n/good", "n/cost"]
    assert len({reason for _, reason in refused}) == len(refused) == 7
    assert hub.fetched("pytorch_model.bin") == hub.fetched(".safetensors", whole=True) == 0


def test_the_memory_budget_is_a_share_of_what_is_free(tmp_path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    2000 kB\n")
    assert free_bytes(tmp_path) == 2_048_000
    groups = tmp_path / "sys/fs/cgroup"
    groups.mkdir(parents=True)
    (groups / "memory.max").write_text("1000\n")
    (groups / "memory.current").write_text("400\n")
    assert free_bytes(tmp_path) == 600
    (groups / "memory.max").write_text("max\n")
    assert free_bytes(tmp_path) == 2_048_000
    (groups / "memory.max").write_text("100\n")
    assert free_bytes(tmp_path) == 0


def test_this_machine_has_a_memory_budget() -> None:
    budget = memory_budget()
    assert budget.bytes > 0
    assert budget.device in ("cpu", "cuda:0")
