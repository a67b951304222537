"""Whatever JSON a repository or a Hub holds: facts, or a `HubError`, and never anything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravelar.tools.errors import HubError
from ravelar.tools.hub.facts import HubFile, ModelFacts
from ravelar.tools.hub.headers import Tensor, outputs, read_header, score_head
from ravelar.tools.hub.inspection import inspect
from ravelar.tools.hub.search import search
from ravelar.tools.hub.shortlist import Limits, refusal

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
NAMES = st.sampled_from(
    ["name", "type", "value", "dataset", "metrics", "results", "content", "size", "sha256", "0", "1"]
)
VALUES = st.recursive(
    LEAVES,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), below, max_size=4),
    max_leaves=12,
)
INFO = (
    "tags",
    "cardData",
    "config",
    "safetensors",
    "model-index",
    "downloads",
    "gated",
    "pipeline_tag",
    "lastModified",
)
CARD = ("license", "license_name", "language", "datasets", "base_model", "model-index", "pipeline_tag")
CONFIG = ("architectures", "model_type", "num_labels", "id2label", "auto_map", "max_position_embeddings", "text_config")
TOKENS = ("pad_token", "eos_token", "bos_token", "chat_template", "model_max_length", "auto_map")


def some(keys) -> st.SearchStrategy:
    return st.dictionaries(st.sampled_from(keys), VALUES, max_size=len(keys)) | VALUES


class Told:
    """A client that says what it was told to say."""

    def __init__(self, info=None, files=None, rows=None, weights: bytes = b"") -> None:
        self._info, self._files, self._rows, self._weights = info, files or {}, rows, weights

    def info(self, repo: str, revision: str | None = None):
        return self._info

    def file(self, repo: str, revision: str, file: HubFile, *, most_bytes: int) -> bytes:
        return self._files[file.path]

    def part(self, repo: str, revision: str, file: HubFile, first: int, last: int) -> bytes:
        return self._weights[first : last + 1]

    def models(self, params, *, most: int):
        return self._rows


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    info=some(INFO),
    card=some(CARD),
    config=some(CONFIG),
    tokenizer=some(TOKENS),
    adapter=some(("base_model_name_or_path",)),
)
def test_odd_metadata_yields_facts_that_can_be_judged(info, card, config, tokenizer, adapter) -> None:
    written = {"config.json": config, "tokenizer_config.json": tokenizer, "adapter_config.json": adapter}
    files = {path: json.dumps(value).encode() for path, value in written.items()}
    listed = [{"rfilename": path, "size": len(data), "blobId": "0" * 40} for path, data in files.items()]
    told = {"cardData": card, **(info if isinstance(info, dict) else {}), "sha": "0" * 40, "siblings": listed}
    facts = inspect(Told(json.loads(json.dumps(told)), files), "a/b")
    assert ModelFacts.model_validate_json(facts.model_dump_json()) == facts
    assert refusal(facts, Limits())  # there are no weights


@settings(max_examples=60, deadline=None)
@given(
    siblings=st.lists(
        st.fixed_dictionaries({}, optional=dict.fromkeys(("rfilename", "size", "lfs", "blobId"), VALUES)), max_size=4
    ),
    sha=VALUES,
)
def test_odd_files_yield_facts_or_a_hub_error(siblings, sha) -> None:
    for told in ({"sha": sha}, {"sha": "0" * 40, "siblings": siblings}):
        try:
            facts = inspect(Told(told), "a/b")
        except HubError:
            continue
        assert all(".." not in file.path.split("/") and not file.path.startswith("/") for file in facts.files)


@settings(max_examples=80, deadline=None)
@given(
    header=st.dictionaries(
        st.text(max_size=12),
        st.fixed_dictionaries({}, optional=dict.fromkeys(("dtype", "shape", "data_offsets"), VALUES)) | VALUES,
        max_size=4,
    )
)
def test_odd_headers_yield_tensors_or_a_hub_error(header) -> None:
    text = json.dumps(header).encode()
    weights = len(text).to_bytes(8, "little") + text + bytes(8)
    try:
        tensors = read_header(Told(weights=weights), "a/b", "0" * 40, HubFile(path="m.safetensors", size=len(weights)))
    except HubError:
        return
    assert all(isinstance(tensor, Tensor) and tensor.parameters >= 0 for tensor in tensors)
    outputs(score_head(tensors))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries({"id": st.just("a/reward") | VALUES}, optional=dict.fromkeys((*INFO, "likes"), VALUES)),
        max_size=3,
    )
)
def test_odd_rows_of_a_search_do_no_harm(rows) -> None:
    found = search(Told(rows=rows), ["math"], limit=5, max_queries=2)
    assert {each.repo for each in found} <= {row["id"] for row in rows if isinstance(row["id"], str)}
