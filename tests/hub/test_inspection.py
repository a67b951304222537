"""Looking at a model: what is learnt without its weights, and what hostile repositories do not achieve."""

import json

import pytest

from ravelar.tools.errors import HubUnreachable, RepositoryLied, RepositoryRefused
from ravelar.tools.hub.facts import ModelFacts
from ravelar.tools.hub.headers import Tensor, outputs, score_head
from ravelar.tools.hub.inspection import inspect, inspect_all

CARD = """---
license: apache-2.0
language: [en, de]
base_model: meta/base
datasets: [acme/preferences]
pipeline_tag: text-classification
model-index:
- name: judge
  results:
  - task: {type: preference}
    dataset: {name: RewardBench, type: allenai/reward-bench}
    metrics:
    - {type: accuracy, value: 0.912}
    - {type: note, name: remark, value: "not measured"}
---
A reward model.
"""


def test_everything_is_known_without_the_weights(hub, client, reward_model_files) -> None:
    files = reward_model_files(readme=CARD)
    sha = hub.add("acme/judge", files, tags=["reward-model"], downloads=12)
    facts = inspect(client(hub), "acme/judge")
    assert (facts.repo, facts.revision, facts.last_commit) == ("acme/judge", sha, "2026-01-02T03:04:05.000Z")
    assert (facts.licence, facts.gated, facts.private, facts.disabled) == ("apache-2.0", False, False, False)
    assert (facts.pipeline_tag, facts.downloads) == ("text-classification", 12)
    assert (facts.languages, facts.base_model) == (("en", "de"), ("meta/base",))
    assert facts.datasets == ("acme/preferences",)
    assert (facts.architectures, facts.model_type) == (("LlamaForSequenceClassification",), "llama")
    assert (facts.num_labels, facts.id2label) == (1, {0: "LABEL_0"})
    assert (facts.chat_template, facts.max_positions, facts.tokenizer_limit) == (True, 512, 512)
    assert (facts.pad_token, facts.eos_token, facts.bos_token) == ("<pad>", "</s>", "<s>")
    assert [(head.name, head.shape, head.dtype) for head in facts.score_head] == [("score.weight", (1, 8), "F32")]
    assert (facts.head_outputs, facts.lm_head, facts.headers_read) == (1, False, True)
    assert (facts.parameters, facts.parameters_from, facts.dtype) == (32 * 8 + 8, "headers", "F32")
    assert facts.weights == ("model.safetensors",)
    assert facts.weight_bytes == {"safetensors": len(files["model.safetensors"])}
    assert [(r.dataset, r.metric, r.value) for r in facts.results] == [
        ("RewardBench", "accuracy", 0.912),
        ("RewardBench", "remark", "not measured"),
    ]
    assert not facts.unread
    assert ModelFacts.model_validate_json(facts.model_dump_json()) == facts


def test_only_the_header_of_large_weights_is_fetched(hub, client, reward_model_files) -> None:
    tensors = {"model.embed_tokens.weight": ("F32", [100_000, 8]), "score.weight": ("F32", [1, 8])}
    hub.add("acme/judge", reward_model_files(tensors=tensors))
    facts = inspect(client(hub), "acme/judge")
    assert facts.weight_bytes["safetensors"] > 3_000_000
    assert hub.fetched("model.safetensors", whole=True) == 0
    assert 0 < hub.fetched("model.safetensors") <= 100_000


def test_a_header_longer_than_the_first_read_is_fetched_in_two(hub, client, reward_model_files) -> None:
    tensors = {f"model.layers.{n}.mlp.weight": ("BF16", [2, 2]) for n in range(2000)}
    hub.add("acme/judge", reward_model_files(tensors={**tensors, "score.weight": ("BF16", [1, 2])}))
    facts = inspect(client(hub), "acme/judge")
    assert (facts.parameters, facts.dtype, facts.head_outputs) == (2000 * 4 + 2, "BF16", 1)
    ranges = [asked.headers.get("range") for asked in hub.requests if asked.path.startswith("/cdn") and asked.sent]
    assert ranges[0] == "bytes=0-99999"
    assert ranges[1].startswith("bytes=100000-")


def test_a_revision_is_resolved_to_its_commit(hub, client, reward_model_files) -> None:
    first = hub.add("acme/judge", reward_model_files({"num_labels": 3}))
    second = hub.add("acme/judge", reward_model_files())
    assert inspect(client(hub), "acme/judge").revision == second
    old = inspect(client(hub), "acme/judge", first)
    assert (old.revision, old.num_labels) == (first, 3)
    asked = [asked.path for asked in hub.requests if "/resolve/" in asked.path]
    assert asked
    assert all(f"/resolve/{first}/" in path or f"/resolve/{second}/" in path for path in asked)


def sharded(make, safetensors_file, shards: int) -> dict[str, bytes]:
    files, places = {}, {}
    for n in range(1, shards + 1):
        name = f"model-{n:05}-of-{shards:05}.safetensors"
        tensors = {f"model.layers.{n}.weight": ("BF16", [4, 4])}
        if n == 2:
            tensors["score.weight"] = ("BF16", [1, 4])
        files[name] = safetensors_file(tensors)
        places |= dict.fromkeys(tensors, name)
    index = json.dumps({"metadata": {}, "weight_map": places}).encode()
    return make(**{"model.safetensors": None, "model.safetensors.index.json": index, **files})


def test_shards_are_read_by_the_index(hub, client, reward_model_files, safetensors_file) -> None:
    files = sharded(reward_model_files, safetensors_file, 3)
    hub.add("acme/judge", {**files, "original.safetensors": files["model-00001-of-00003.safetensors"]})
    facts = inspect(client(hub), "acme/judge")
    assert len(facts.weights) == 3
    assert (facts.head_outputs, facts.parameters, facts.parameters_from) == (1, 3 * 16 + 4, "headers")
    assert set(facts.weight_bytes) == {"safetensors", "other safetensors"}


def test_of_many_shards_only_the_head_is_read_and_the_hub_is_believed(
    hub, client, reward_model_files, safetensors_file
) -> None:
    hub.add("acme/judge", sharded(reward_model_files, safetensors_file, 12))
    facts = inspect(client(hub), "acme/judge")
    assert (facts.head_outputs, facts.parameters, facts.parameters_from) == (1, 12 * 16 + 4, "hub")
    asked = {asked.path.rsplit("/", 1)[-1] for asked in hub.requests if asked.path.endswith(".safetensors")}
    assert asked == {"model-00002-of-00012.safetensors"}


def test_without_a_count_the_bytes_are_divided(hub, client, reward_model_files, safetensors_file) -> None:
    files = sharded(reward_model_files, safetensors_file, 12)
    hub.add("acme/judge", files, info={"safetensors": {"parameters": "many"}})
    facts = inspect(client(hub), "acme/judge")
    assert (facts.parameters, facts.parameters_from) == (facts.weight_bytes["safetensors"] // 4, "bytes")


def test_a_gated_repository_shows_what_the_hub_tells_everybody(hub, client, reward_model_files) -> None:
    hub.add("acme/gated", reward_model_files(), gated="manual")
    facts = inspect(client(hub), "acme/gated")
    assert facts.gated
    assert facts.architectures == ("LlamaForSequenceClassification",)
    assert "is gated" in facts.unread["config.json"]
    assert not facts.headers_read
    hub.access.add("hf_friend")
    assert not inspect(client(hub, token="hf_friend"), "acme/gated").unread


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (b"[1, 2]", "it is list; allowed: a mapping"),
        (b"", "Expecting value"),
        (b"\xff\xfe\x00", "no JSON mapping"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
        (b"9" * 5000, "no JSON mapping"),
    ],
)
def test_a_config_that_is_no_mapping_is_said_to_be_none(
    hub, client, reward_model_files, config: bytes, says: str
) -> None:
    hub.add("acme/odd", reward_model_files(**{"config.json": config}))
    assert says in inspect(client(hub), "acme/odd").unread["config.json"]


def test_a_config_of_wrong_types_yields_what_is_usable(hub, client, reward_model_files) -> None:
    config = b"""{"architectures": "Solo", "model_type": ["x"], "num_labels": NaN, "auto_map": [1],
    "id2label": {"a": 1, "2": null, "1e3": "x"}, "max_position_embeddings": 1e999, "n_positions": -4, "text_config": 7}
    """
    tokenizer = (
        b'{"pad_token": {"content": "<p>"}, "eos_token": 5, "bos_token": {"content": []}, "model_max_length": 1e30}'
    )
    hub.add("acme/odd", reward_model_files(**{"config.json": config, "tokenizer_config.json": tokenizer}))
    facts = inspect(client(hub), "acme/odd")
    assert (facts.architectures, facts.model_type, facts.num_labels, facts.id2label) == (("Solo",), None, 1, {2: "?"})
    assert (facts.max_positions, facts.tokenizer_limit, facts.auto_map) == (None, None, {})
    assert (facts.pad_token, facts.eos_token, facts.bos_token, facts.chat_template) == ("<p>", None, None, False)


def test_an_info_of_wrong_types_yields_what_is_usable(hub, client, reward_model_files) -> None:
    odd = {
        "tags": {"a": 1},
        "cardData": [1],
        "downloads": 1e400,
        "pipeline_tag": 4,
        "safetensors": [],
        "lastModified": {},
    }
    odd |= {"model-index": [{"results": [{"dataset": 4, "metrics": [{"value": [1]}, 3]}, 7]}, None], "gated": "auto"}
    hub.add("acme/odd", reward_model_files(), info=odd)
    facts = inspect(client(hub), "acme/odd")
    assert (facts.tags, facts.licence, facts.downloads, facts.last_commit) == ((), None, 0, None)
    assert [(r.dataset, r.metric, r.value) for r in facts.results] == [("?", "?", "[1]")]


def test_texts_can_not_steer_a_terminal(hub, client, reward_model_files) -> None:
    hub.add("acme/odd", reward_model_files({"model_type": "a\x1b[2Jb\u202ec\nd" + "x" * 1000}), tags=["\x07bell"])
    facts = inspect(client(hub), "acme/odd")
    assert facts.model_type.startswith("a [2Jb c d")
    assert len(facts.model_type) == 300
    assert "bell" in facts.tags


@pytest.mark.parametrize(
    "path",
    [
        "../../x",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "",
        "a\\..\\b",
        "C:evil",
        "~/x",
        "a\nb",
        "a\0b",
        ".",
        "x" * 2000,
        7,
        None,
    ],
)
def test_a_file_name_that_leaves_the_repository_is_a_lie(hub, client, reward_model_files, path) -> None:
    hub.add("acme/evil", reward_model_files(), info={"siblings": [{"rfilename": path, "size": 1}]})
    with pytest.raises(RepositoryLied, match="allowed: a path within the repository"):
        inspect(client(hub), "acme/evil")
    assert not [asked for asked in hub.requests if "/resolve/" in asked.path]


@pytest.mark.parametrize("sha", ["main", "", None, 7, "A" * 40, "0" * 39])
def test_a_commit_that_is_none_is_a_lie(hub, client, reward_model_files, sha) -> None:
    hub.add("acme/evil", reward_model_files(), info={"sha": sha})
    with pytest.raises(RepositoryLied, match="allowed: 40 hexadecimal digits"):
        inspect(client(hub), "acme/evil")


def test_another_commit_than_the_one_asked_for_is_a_lie(hub, client, reward_model_files) -> None:
    sha = hub.add("acme/evil", reward_model_files(), info={"sha": "0" * 40})
    with pytest.raises(RepositoryLied, match=f"asked for the commit {sha}, the Hub describes 0000"):
        inspect(client(hub), "acme/evil", sha)


def test_too_many_files_are_refused(hub, client, reward_model_files, monkeypatch) -> None:
    monkeypatch.setattr("ravelar.tools.hub.inspection.MOST_FILES", 3)
    hub.add("acme/many", reward_model_files())
    with pytest.raises(RepositoryLied, match="more than 3"):
        inspect(client(hub), "acme/many")


def test_a_file_without_a_size_is_not_counted_on(hub, client, reward_model_files) -> None:
    files = [{"rfilename": "model.safetensors"}, {"rfilename": "config.json", "size": -3}, "README.md"]
    hub.add("acme/odd", reward_model_files(), info={"siblings": files})
    assert inspect(client(hub), "acme/odd").files == ()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("wrong_bytes", r"config.json has the git hash \w+; the Hub said \w+"),
        ("longer", r"config.json has more bytes; the Hub said"),
        ("shorter", r"config.json has \d+ bytes; the Hub said"),
    ],
)
def test_a_config_that_is_not_what_was_said_is_a_lie(hub, client, reward_model_files, kind: str, says: str) -> None:
    hub.add("acme/liar", reward_model_files())
    hub.fault(r"/config\.json$", kind)
    with pytest.raises(RepositoryLied, match=says):
        inspect(client(hub), "acme/liar")


def test_a_listed_file_that_is_not_there_is_a_lie(hub, client, reward_model_files) -> None:
    ghost = {"rfilename": "config.json", "size": 10, "blobId": "0" * 40}
    hub.add("acme/liar", reward_model_files(**{"config.json": None}), info={"siblings": [ghost]})
    with pytest.raises(RepositoryLied, match="the Hub lists the file, but does not have it"):
        inspect(client(hub), "acme/liar")


def test_a_hub_that_fails_halfway_is_unreachable(hub, client, reward_model_files) -> None:
    hub.add("acme/judge", reward_model_files())
    hub.fault(r"/model\.safetensors$", "error")
    with pytest.raises(HubUnreachable, match="500"):
        inspect(client(hub), "acme/judge")


def test_a_json_file_that_is_too_long_is_not_fetched(hub, client, reward_model_files) -> None:
    hub.add("acme/judge", reward_model_files(), sizes={"tokenizer_config.json": 10**9})
    facts = inspect(client(hub), "acme/judge")
    assert "1,000,000,000 bytes; allowed: 16,000,000" in facts.unread["tokenizer_config.json"]
    assert hub.fetched("tokenizer_config.json") == 0


def broken(header: bytes, room: int = 8) -> bytes:
    return len(header).to_bytes(8, "little") + header + bytes(room)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (b"123", "has 3 bytes; a safetensors file has 10 or more"),
        ((2**63).to_bytes(8, "little") + b"{}", r"names a header of 9,223,372,036,854,775,808 bytes"),
        (b"PK\x03\x04 a zip, no safetensors", "names a header of"),
        (broken(b"[]"), "it is list; allowed: a mapping"),
        (broken(b"{" * 5000), "no safetensors header"),
        (broken(b'{"a": 7}'), "'a' can't be read"),
        (broken(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0]}}'), "'a' can't be read"),
        (broken(b'{"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 8]}}'), "'a' can't be read"),
        (broken(b'{"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}'), "'a' can't be read"),
        (broken(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}'), "'a' can't be read"),
        (broken(b'{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}'), r"needs 12"),
        (broken(b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}'), r"0 to 16 of 8"),
        (
            broken(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', 9),
            "8 bytes of tensors, the file holds 9",
        ),
    ],
)
def test_a_header_that_can_not_be_true_is_a_lie(hub, client, reward_model_files, weights: bytes, says: str) -> None:
    hub.add("acme/liar", reward_model_files(**{"model.safetensors": weights}))
    with pytest.raises(RepositoryLied, match=says):
        inspect(client(hub), "acme/liar")


def test_a_size_that_is_not_the_files_is_a_lie(hub, client, reward_model_files) -> None:
    hub.add("acme/liar", reward_model_files(), sizes={"model.safetensors": 5_000})
    with pytest.raises(RepositoryLied, match=r"bytes came; the Hub said 5,000"):
        inspect(client(hub), "acme/liar")


def test_a_server_without_ranges_serves_a_header_all_the_same(hub, client, reward_model_files) -> None:
    files = reward_model_files()
    hub.add("acme/judge", files)
    hub.fault(r"^/cdn/.*\.safetensors$", "replaced", body=files["model.safetensors"])
    assert inspect(client(hub), "acme/judge").head_outputs == 1


@pytest.mark.parametrize("shard", ["../../x.safetensors", "missing.safetensors", "config.json", "sub/m.safetensors"])
def test_an_index_that_names_strange_files_is_a_lie(
    hub, client, reward_model_files, safetensors_file, shard: str
) -> None:
    index = json.dumps({"weight_map": {"score.weight": shard}}).encode()
    extra = {"sub/m.safetensors": safetensors_file({"score.weight": ("F32", [1, 2])})}
    hub.add(
        "acme/liar", reward_model_files(**{"model.safetensors": None, "model.safetensors.index.json": index, **extra})
    )
    with pytest.raises(RepositoryLied, match="which is no weights file there"):
        inspect(client(hub), "acme/liar")


def test_weights_in_other_formats_are_counted_and_never_fetched(hub, client, reward_model_files) -> None:
    others = {
        "pytorch_model.bin": b"x" * 50,
        "training_args.bin": b"x" * 9,
        "m.gguf": b"x" * 7,
        "onnx/m.onnx": b"x" * 5,
    }
    hub.add("acme/old", reward_model_files(**{"model.safetensors": None, **others}))
    facts = inspect(client(hub), "acme/old")
    assert facts.weight_bytes == {"pickle": 50, "gguf": 7, "onnx": 5}
    assert not facts.safetensors
    assert hub.fetched("pytorch_model.bin") == 0


def test_code_of_its_own_and_of_others_is_noticed(hub, client, reward_model_files) -> None:
    config = {"auto_map": {"AutoModel": "modeling.Judge", "AutoConfig": "other/repo--config.C"}}
    hub.add("acme/custom", reward_model_files(config, **{"modeling.py": b"raise SystemExit"}))
    facts = inspect(client(hub), "acme/custom")
    assert facts.needs_remote_code
    assert facts.foreign_code == {"other/repo"}
    assert hub.fetched("modeling.py") == 0


def test_an_adapter_names_its_base(hub, client, reward_model_files) -> None:
    adapter = b'{"base_model_name_or_path": "meta/base", "peft_type": "LORA"}'
    weights = {"model.safetensors": None, "adapter_config.json": adapter, "adapter_model.safetensors": b"x" * 99}
    hub.add("acme/lora", reward_model_files(**weights))
    assert inspect(client(hub), "acme/lora").peft_base == "meta/base"


def test_tokens_are_looked_for_in_two_files(hub, client, reward_model_files) -> None:
    more = {
        "tokenizer_config.json": b'{"eos_token": "</s>"}',
        "special_tokens_map.json": b'{"pad_token": "<p>", "eos_token": "x"}',
    }
    hub.add("acme/judge", reward_model_files(**more, **{"chat_template.jinja": b"{{ messages }}"}))
    facts = inspect(client(hub), "acme/judge")
    assert (facts.pad_token, facts.eos_token, facts.bos_token, facts.chat_template) == ("<p>", "</s>", None, True)


@pytest.mark.parametrize(
    ("tensors", "names", "numbers"),
    [
        ({"score.weight": (1, 8)}, ["score.weight"], 1),
        (
            {"classifier.out_proj.weight": (1, 8), "classifier.dense.weight": (8, 8)},
            ["classifier.dense.weight", "classifier.out_proj.weight"],
            1,
        ),
        ({"score.10.weight": (2, 8), "score.2.weight": (8, 8)}, ["score.2.weight", "score.10.weight"], 2),
        (
            {"v_head.summary.weight": (1, 8), "v_head.summary.bias": (1,)},
            ["v_head.summary.bias", "v_head.summary.weight"],
            1,
        ),
        ({"regression_layer.weight": (19, 8)}, ["regression_layer.weight"], 19),
        ({"lm_head.weight": (32, 8), "model.layers.0.score.weight": (1, 8)}, [], None),
        ({"model.layers.0.mlp.gate.e_score_correction_bias": (4,)}, [], None),
    ],
)
def test_heads_are_told_from_other_tensors(tensors, names, numbers) -> None:
    head = score_head([Tensor(name, "F32", shape) for name, shape in tensors.items()])
    assert [tensor.name for tensor in head] == names
    assert outputs(head) == numbers


def test_a_missing_repository_is_refused(hub, client) -> None:
    with pytest.raises(RepositoryRefused, match="no such repository"):
        inspect(client(hub), "acme/nothing")


def test_of_several_models_each_failure_costs_only_itself(hub, client, reward_model_files) -> None:
    hub.add("a/good", reward_model_files())
    hub.add("b/liar", reward_model_files(), info={"sha": "none"})
    hub.add("c/good", reward_model_files())
    facts, failed, unasked = inspect_all(client(hub), ["a/good", "b/liar", "no name", "a/good", "d/nothing", "c/good"])
    assert [each.repo for each in facts] == ["a/good", "c/good"]
    assert [(repo, why.split(":")[0]) for repo, why in failed] == [
        ("b/liar", "RepositoryLied"),
        ("no name", "InputError"),
        ("d/nothing", "RepositoryRefused"),
    ]
    assert unasked == ()


def test_a_hub_that_is_down_is_not_asked_for_every_model(hub, client) -> None:
    hub.stop()
    looked = inspect_all(client(hub, retries=0), [f"a/judge-{n}" for n in range(5)])
    assert len(looked.failed) == 3
    assert looked.unasked == ("a/judge-3", "a/judge-4")
    assert inspect_all(client(hub), ["a/judge"], max_s=-1) == ((), (), ("a/judge",))


def test_a_file_that_ends_before_its_header_does_is_a_lie(hub, client, reward_model_files) -> None:
    tensors = {f"model.layers.{n}.mlp.weight": ("BF16", [2, 2]) for n in range(2000)}
    hub.add("a/liar", reward_model_files(tensors=tensors))
    hub.fault(r"^/cdn/.*safetensors$", "error", times=1, status=200)
    hub.fault(r"^/cdn/.*safetensors$", "error", status=416)
    with pytest.raises(RepositoryLied, match=r"bytes came; the Hub said"):
        inspect(client(hub), "a/liar")
    with pytest.raises(RepositoryLied, match=r"it is shorter than the Hub said"):
        inspect(client(hub), "a/liar")
