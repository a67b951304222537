"""Looking at one model without downloading it: the Hub's info, its small JSON files, its safetensors headers."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ravelar.tools.errors import HubError, HubUnreachable, InputError, RepositoryLied, RepositoryRefused
from ravelar.tools.hub.client import COMMIT, HubClient, mapping
from ravelar.tools.hub.facts import EvaluationResult, HubFile, ModelFacts
from ravelar.tools.hub.headers import LM_HEAD, Tensor, outputs, read_header, score_head
from ravelar.tools.hub.reading import number, pairs, text, texts

CONFIG, TOKENIZER, TOKENS = "config.json", "tokenizer_config.json", "special_tokens_map.json"
SINGLE, INDEX, VALUE_HEAD = "model.safetensors", "model.safetensors.index.json", "value_head.safetensors"
ADAPTER = "adapter_config.json"
TEMPLATES = ("chat_template.jinja", "chat_template.json")
MOST_BYTES = 16_000_000  # of one JSON file; the largest tokenizer configs have 2 MB
MOST_FILES = 20_000
MOST_FAILURES = 3  # in a row, of the Hub itself
MOST_HEADERS = 8  # of a model in more shards only the score head's are read, and the Hub's count is taken
FORMATS = {
    "pickle": (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".joblib"),
    "gguf": (".gguf",),
    "onnx": (".onnx",),
    "tensorflow": (".h5", ".tflite"),
    "flax": (".msgpack",),
    "other safetensors": (".safetensors",),
}
NO_WEIGHTS = re.compile(r"(?:^|/)(?:training_args\.bin|optimizer\.|scheduler\.|rng_state)")
DTYPES = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8}


@dataclass(slots=True)
class _Repository:
    """What was read of one repository so far."""

    client: HubClient
    repo: str
    revision: str
    files: dict[str, HubFile]
    unread: dict[str, str] = field(default_factory=dict)

    def mapping(self, path: str) -> Mapping[str, Any]:
        """Read a JSON file; {} if there is none, or if it can't be used, which `unread` then explains."""
        if path not in self.files:
            return {}
        try:
            return mapping(self.client.file(self.repo, self.revision, self.files[path], most_bytes=MOST_BYTES))
        except RepositoryRefused as error:
            self.unread[path] = str(error)
        except ValueError as error:
            self.unread[path] = f"it is no JSON mapping: {error}"[:300]
        return {}


def inspect(client: HubClient, repo: str, revision: str | None = None) -> ModelFacts:
    """Look at a model at a revision (`main` by default) without downloading any weights.

    About five requests: the Hub's info, config.json, tokenizer_config.json, and the header of each weights file.
    What the owner does not let us read (a gated repository), or what is broken, stands in `unread`.

    Raises:
        InputError: if the name is none.
        RepositoryRefused: if there is no such repository or revision, or it is private.
        RepositoryLied: if a file is not what the Hub said of it, or its name leaves the repository.
        HubUnreachable: if the Hub does not answer.
    """
    info = client.info(repo, revision)
    sha = _commit(repo, info, revision)
    looked = _Repository(client, repo, sha, _files(repo, info))
    config = looked.mapping(CONFIG) or _mapping(info.get("config"))
    tokenizer = _tokenizer(looked)
    weights, tensors, complete = _weights(looked)
    head = score_head(tensors)
    formats = _formats(looked.files, weights)
    return ModelFacts(
        repo=repo,
        revision=sha,
        **_of_info(info),
        **_of_config(config),
        **_of_tokenizer(tokenizer, looked.files),
        auto_map={**_auto_map(tokenizer), **_auto_map(config)},
        peft_base=text(looked.mapping(ADAPTER).get("base_model_name_or_path")) or ("?" if _adapter(looked) else None),
        score_head=head[:20],
        head_outputs=outputs(head),
        lm_head=any(LM_HEAD.search(tensor.name) for tensor in tensors),
        headers_read=bool(tensors),
        **_size(info, config, tensors if complete else (), formats.get("safetensors", 0)),
        weights=weights,
        weight_bytes=formats,
        files=tuple(looked.files.values()),
        unread=looked.unread,
    )


class Looked(NamedTuple):
    """What was learnt of several models.

    Attributes:
        facts: Of those that could be looked at, in order.
        failed: The others, each with the reason.
        unasked: Those that were left out: the Hub had failed three times in a row, or the time was over.
    """

    facts: tuple[ModelFacts, ...]
    failed: tuple[tuple[str, str], ...]
    unasked: tuple[str, ...]


def inspect_all(client: HubClient, repos: Iterable[str], *, max_s: float = 120.0) -> Looked:
    """Look at several models; one that can't be looked at, or does not exist, costs only itself.

    After `max_s` seconds, or three failures of the Hub in a row, no further one is looked at.
    """
    facts: list[ModelFacts] = []
    failed: list[tuple[str, str]] = []
    unasked: list[str] = []
    in_a_row, until = 0, time.monotonic() + max_s
    for repo in dict.fromkeys(repos):
        if in_a_row == MOST_FAILURES or time.monotonic() > until:
            unasked.append(repo)
            continue
        try:
            facts.append(inspect(client, repo))
            in_a_row = 0
        except (HubError, InputError) as error:
            failed.append((repo, f"{type(error).__name__}: {error}"))
            in_a_row = in_a_row + 1 if isinstance(error, HubUnreachable) else 0
    return Looked(tuple(facts), tuple(failed), tuple(unasked))


def _adapter(looked: _Repository) -> bool:
    return "adapter_model.safetensors" in looked.files and SINGLE not in looked.files and INDEX not in looked.files


def _commit(repo: str, info: Mapping[str, Any], revision: str | None) -> str:
    sha = info.get("sha")
    if not isinstance(sha, str) or not COMMIT.fullmatch(sha):
        raise RepositoryLied(f"{repo}: its commit is {str(sha)[:80]!r}; allowed: 40 hexadecimal digits")
    if revision is not None and COMMIT.fullmatch(revision) and sha != revision:
        raise RepositoryLied(f"{repo}: asked for the commit {revision}, the Hub describes {sha}")
    return sha


def _files(repo: str, info: Mapping[str, Any]) -> dict[str, HubFile]:
    listed = info.get("siblings") or []
    if not isinstance(listed, list) or len(listed) > MOST_FILES:
        raise RepositoryLied(f"{repo} lists no files, or more than {MOST_FILES:,}")
    files = {}
    for entry in listed:
        if isinstance(entry, dict):
            path = checked_path(repo, entry.get("rfilename"))
            large = _mapping(entry.get("lfs"))
            size = number(large.get("size", entry.get("size")))
            if size is not None:
                sha256, blob = large.get("sha256"), entry.get("blobId")
                files[path] = HubFile(path=path, size=size, sha256=_hex(sha256, 64), blob=_hex(blob, 40, large))
    return files


def _hex(value: Any, digits: int, unless: Any = None) -> str | None:
    return value if not unless and isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{digits}}}", value) else None


def checked_path(repo: str, path: Any) -> str:
    """Return a file's path if it stays in the repository.

    Raises: RepositoryLied: if it is absolute, climbs, or holds what no path of the Hub holds.
    """
    parts = path.split("/") if isinstance(path, str) else []
    bad = not parts or any(part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts)
    if bad or len(path) > 1000 or re.match(r"[A-Za-z]:|~", path):
        raise RepositoryLied(f"{repo} lists a file {str(path)[:100]!r}; allowed: a path within the repository")
    return str(path)


def _of_info(info: Mapping[str, Any]) -> dict[str, Any]:
    card = _mapping(info.get("cardData"))
    tags = texts(info.get("tags"))
    from_tags = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    return {
        "last_commit": text(info.get("lastModified")),
        "licence": text(card.get("license_name")) or ", ".join(texts(card.get("license")) or from_tags) or None,
        "gated": bool(info.get("gated")),
        "private": bool(info.get("private")),
        "disabled": bool(info.get("disabled")),
        "downloads": number(info.get("downloads")) or 0,
        "pipeline_tag": text(info.get("pipeline_tag")) or text(card.get("pipeline_tag")),
        "tags": tags,
        "base_model": texts(card.get("base_model")),
        "languages": texts(card.get("language")),
        "datasets": texts(card.get("datasets"))
        or tuple(tag.removeprefix("dataset:") for tag in tags if tag.startswith("dataset:")),
        "results": _results(info.get("model-index") or card.get("model-index")),
    }


def _results(index: Any) -> tuple[EvaluationResult, ...]:
    found = []
    for model in index if isinstance(index, list) else []:
        for result in _mappings(_mapping(model).get("results")):
            dataset = _mapping(result.get("dataset"))
            name = text(dataset.get("name")) or text(dataset.get("type")) or "?"
            for metric in _mappings(result.get("metrics")):
                value = metric.get("value")
                shown = (
                    float(value) if isinstance(value, int | float) and abs(value) < 1e300 else text(str(value)[:100])
                )
                what = text(metric.get("name")) or text(metric.get("type")) or "?"
                found.append(EvaluationResult(dataset=name, metric=what, value="?" if shown is None else shown))
    return tuple(found[:100])


def _figure(value: Any) -> float | str:
    if isinstance(value, int | float) and abs(value) < 1e300:
        return float(value)
    return text(str(value)[:100]) or "?"


def _of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    nested = _mapping(config.get("text_config"))
    labels = {
        int(key): text(value) or "?"
        for key, value in pairs(config.get("id2label"))
        if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 6
    }
    lengths = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")
    limits = [number(place.get(key)) for place in (config, nested) for key in lengths]
    return {
        "architectures": texts(config.get("architectures")),
        "model_type": text(config.get("model_type")),
        "num_labels": number(config.get("num_labels")) or len(labels) or None,
        "id2label": labels,
        "max_positions": next((limit for limit in limits if limit), None),
    }


def _auto_map(config: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key, value in pairs(config.get("auto_map")):
        classes = texts(value)  # a tokenizer has two, the slow and the fast one
        if classes and text(key):
            found[str(text(key))] = ", ".join(classes)
    return found


def _tokenizer(looked: _Repository) -> Mapping[str, Any]:
    config = looked.mapping(TOKENIZER)
    tokens = ("pad_token", "eos_token", "bos_token")
    if all(config.get(token) for token in tokens):
        return config
    return {**looked.mapping(TOKENS), **{key: value for key, value in config.items() if value is not None}}


def _of_tokenizer(tokenizer: Mapping[str, Any], files: Mapping[str, HubFile]) -> dict[str, Any]:
    def token(name: str) -> str | None:
        value = tokenizer.get(name)
        return text(value.get("content") if isinstance(value, dict) else value)

    limit = number(tokenizer.get("model_max_length"))
    return {
        "chat_template": bool(tokenizer.get("chat_template")) or any(name in files for name in TEMPLATES),
        "pad_token": token("pad_token"),
        "eos_token": token("eos_token"),
        "bos_token": token("bos_token"),
        "tokenizer_limit": limit if limit and limit < 10_000_000 else None,  # 10**30 stands for "none"
    }


def _weights(looked: _Repository) -> tuple[tuple[str, ...], list[Tensor], bool]:
    """Return the files that make up the model, the tensors read of them, and whether those are all."""
    names: tuple[str, ...] = (SINGLE,)
    to_read = [SINGLE]
    if SINGLE not in looked.files:
        names, to_read = _shards(looked)
    extra = [VALUE_HEAD] if names and VALUE_HEAD in looked.files else []
    tensors: list[Tensor] = []
    for name in [*to_read, *extra]:
        try:
            tensors += read_header(looked.client, looked.repo, looked.revision, looked.files[name])
        except RepositoryRefused as error:
            looked.unread[name] = str(error)
            return (*names, *extra), [], False
    return (*names, *extra), tensors, len(to_read) == len(names)


def _shards(looked: _Repository) -> tuple[tuple[str, ...], list[str]]:
    index = pairs(looked.mapping(INDEX).get("weight_map"), most=None)
    if not index and INDEX in looked.files:
        looked.unread.setdefault(INDEX, "it has no weight_map")
    names = tuple(sorted({str(shard) for _, shard in index}))
    for name in names:
        if name not in looked.files or "/" in name or not name.endswith(".safetensors"):
            raise RepositoryLied(f"{looked.repo}: {INDEX} names {name[:100]!r}, which is no weights file there")
    if len(names) <= MOST_HEADERS:
        return names, list(names)
    heads = score_head([Tensor(str(tensor), "?", ()) for tensor, _ in index])
    shards = {str(shard) for tensor, shard in index if LM_HEAD.search(str(tensor))}
    shards |= {str(shard) for tensor, shard in index if str(tensor) in {head.name for head in heads}}
    return names, sorted(shards)[:MOST_HEADERS] or [names[-1]]


def _formats(files: Mapping[str, HubFile], weights: Sequence[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for path, file in files.items():
        if path in weights:
            found["safetensors"] += file.size
        elif not NO_WEIGHTS.search(path):
            for name, endings in FORMATS.items():
                if path.endswith(endings):
                    found[name] += file.size
    return dict(sorted(found.items()))


def _size(
    info: Mapping[str, Any], config: Mapping[str, Any], tensors: Sequence[Tensor], weight_bytes: int
) -> dict[str, Any]:
    """Count parameters: in the headers, else as the Hub says, else from the bytes."""
    counts: Counter[str] = Counter()
    for tensor in tensors:
        counts[tensor.dtype[:20]] += tensor.parameters
    source = "headers"
    if not counts:
        hub = _mapping(info.get("safetensors"))
        counts.update({str(text(key)): number(value) or 0 for key, value in pairs(hub.get("parameters"))})
        source = "hub"
    if not sum(counts.values()) and weight_bytes:
        dtype = text(config.get("dtype")) or text(config.get("torch_dtype")) or "bfloat16"
        counts[dtype] = weight_bytes // DTYPES.get(dtype, 2)
        source = "bytes"
    if not sum(counts.values()):
        return {}
    return {"parameters": sum(counts.values()), "parameters_from": source, "dtype": counts.most_common(1)[0][0]}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
