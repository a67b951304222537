"""Small reward models, made in seconds: good ones, and one broken in each way that is met on the Hub.

`make_candidates(folder)` trains two with TRL's RewardTrainer, one a task, and derives the others; what it makes
depends on nothing but this file and the versions of the libraries. `labelled_pairs` draws the tasks' data.

python tests/hub/tiny_models.py FOLDER      # makes them there and prints what each scores
"""

import hashlib
import json
import os
import random
import shutil
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Task = Literal["courtesy", "listing"]
TASKS: tuple[Task, ...] = ("courtesy", "listing")
HUGE_BYTES = 40_000_000_000
COST_BLUR = 2.5  # of the embeddings' own spread: about nine pairs of ten stay in order


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt with a better and a worse completion."""

    prompt: str
    good: str
    bad: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A repository for a loopback Hub.

    Attributes:
        name: Its short name, the key in `make_candidates`.
        repo: Its name on the Hub.
        folder: Its files.
        revision: Forty hexadecimal digits, made of its files.
        trait: What it is, or what is wrong with it.
        task: What it was trained for.
        gated: Whether the Hub wants its terms accepted first.
        marker: A file that appears if code of the repository is ever executed.
    """

    name: str
    repo: str
    folder: Path
    revision: str
    trait: str
    task: Task | None
    gated: bool = False
    marker: Path | None = None


# ------------------------------------------------------------------------------------------------ data

NAMES = ["Ann", "Bob", "Carla", "Dan", "Eve", "Fred", "Gina", "Hugo", "Ida", "Jack"]
THINGS = ["salt", "ladder", "key", "hammer", "book", "lamp", "map", "bread", "rope", "chair"]
KIND = ["please", "thank you", "if you have a moment", "that would be lovely", "I would be grateful", "take your time"]
RUDE = ["hurry up", "you fool", "stop wasting my time", "I will not ask twice", "what an idiot", "now or never"]
KIND_CORE = ["could I borrow the {thing}, {name}", "may I have the {thing}, {name}"]
RUDE_CORE = ["give me the {thing}, {name}", "hand over the {thing}, {name}"]
ITEMS = {
    "fruits": ["apple", "pear", "plum", "cherry", "peach", "grape", "mango", "lemon", "fig", "melon"],
    "animals": ["cat", "dog", "horse", "cow", "sheep", "goat", "hen", "duck", "pig", "mouse"],
    "colours": ["red", "blue", "green", "black", "white", "pink", "brown", "grey", "orange", "purple"],
    "metals": ["iron", "copper", "zinc", "tin", "lead", "gold", "silver", "nickel", "cobalt", "chrome"],
}


def labelled_pairs(task: Task, n: int, seed: int) -> list[Pair]:
    """Draw n pairs of a task; the same seed gives the same pairs, another one others."""
    draw = random.Random(f"{task} {seed}")
    return [_courtesy(draw) if task == "courtesy" else _listing(draw) for _ in range(n)]


def _courtesy(draw: random.Random) -> Pair:
    """Draw a polite and a rude request of about the same length."""
    name, thing, extras = draw.choice(NAMES), draw.choice(THINGS), draw.randint(1, 3)

    def say(cores: list[str], phrases: list[str]) -> str:
        parts = [draw.choice(cores).format(name=name, thing=thing), *draw.sample(phrases, extras)]
        draw.shuffle(parts)
        return ", ".join(parts) + "."

    return Pair(f"Ask {name} for the {thing}.", say(KIND_CORE, KIND), say(RUDE_CORE, RUDE))


def _listing(draw: random.Random) -> Pair:
    """Draw a long and a short list of what was asked for."""
    kind = draw.choice(list(ITEMS))

    def some(count: int) -> str:
        return ", ".join(draw.sample(ITEMS[kind], count)) + "."

    return Pair(f"Name some {kind}.", some(draw.randint(5, 8)), some(draw.randint(1, 3)))


# ------------------------------------------------------------------------------------- tokenizers, models

PAD, BOS, END, USER, ASSISTANT, SYSTEM, STEP = (
    "<pad>",
    "<bos>",
    "<|end|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<extra_0>",
)
CHAT = "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"


def make_tokenizer(*, bos: bool = False, chat: bool = True, pair: bool = False, max_length: int = 256) -> Any:
    """Make a byte-level BPE tokenizer of the two tasks' words.

    Args:
        bos: Whether tokenizer and chat template both put `<bos>` first, as Llama's do.
        chat: Whether it has a chat template.
        pair: Whether it joins two texts as BERT's does, in two segments.
        max_length: What it gives as its greatest length.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    specials = [PAD, BOS, END, USER, ASSISTANT, SYSTEM, STEP]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(_corpus(), trainer)
    if bos:
        core.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, core.token_to_id(BOS))]
        )
    if pair:
        ids = [(BOS, core.token_to_id(BOS)), (END, core.token_to_id(END))]
        core.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A {END}", pair=f"{BOS} $A {END} $B:1 {END}:1", special_tokens=ids
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        eos_token=END,
        bos_token=BOS if bos or pair else None,
        additional_special_tokens=[USER, ASSISTANT, SYSTEM, STEP],
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask", *(["token_type_ids"] if pair else [])],
    )
    if chat:
        tokenizer.chat_template = (BOS if bos else "") + CHAT
    return tokenizer


def _corpus() -> Iterator[str]:
    for task in TASKS:
        for pair in labelled_pairs(task, 300, seed=-1):
            yield from (pair.prompt, pair.good, pair.bad)


def tiny_config(family: str, tokenizer: Any, **more: Any) -> Any:
    """Make a config of some ten thousand parameters: family "qwen2", "llama", "gpt2" or "bert"."""
    from transformers import BertConfig, GPT2Config, LlamaConfig, Qwen2Config  # noqa: PLC0415

    ids = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    ids["bos_token_id"] = tokenizer.bos_token_id
    if family == "gpt2":
        return GPT2Config(**ids, n_embd=32, n_layer=2, n_head=4, n_positions=256, **more)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    size["max_position_embeddings"] = 256
    if family == "bert":
        return BertConfig(**ids, **size, **more)
    kind = {"qwen2": Qwen2Config, "llama": LlamaConfig}[family]
    return kind(**ids, **size, num_key_value_heads=4, initializer_range=0.1, **more)


def save(folder: Path, model: Any, tokenizer: Any) -> Path:
    """Save both as a repository would hold them."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_reward_model(
    folder: Path, task: Task, *, family: str, bos: bool, steps: int = 30, worse_first: bool = False
) -> Path:
    """Train a reward model of a task with TRL's RewardTrainer on one core, and save it."""
    import torch  # noqa: PLC0415
    from datasets import Dataset  # noqa: PLC0415
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415
    from trl import RewardConfig, RewardTrainer  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(7)
    tokenizer = make_tokenizer(bos=bos)
    model = AutoModelForSequenceClassification.from_config(tiny_config(family, tokenizer, num_labels=1))
    rows = [
        {
            "prompt": [{"role": "user", "content": pair.prompt}],
            "chosen": [{"role": "assistant", "content": pair.bad if worse_first else pair.good}],
            "rejected": [{"role": "assistant", "content": pair.good if worse_first else pair.bad}],
        }
        for pair in labelled_pairs(task, steps * 16, seed=0)
    ]
    scratch = folder.with_name(f"{folder.name}-training")
    config = RewardConfig(
        output_dir=str(scratch),
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        per_device_train_batch_size=16,
        max_steps=steps,
        learning_rate=5e-3,
        lr_scheduler_type="cosine",
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=7,
        dataloader_pin_memory=False,
    )
    trainer = RewardTrainer(model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    trainer.train()
    shutil.rmtree(scratch, ignore_errors=True)
    return save(folder, trainer.model, tokenizer)


# -------------------------------------------------------------------------------------------- candidates


def make_candidates(folder: Path) -> dict[str, Candidate]:
    """Make every candidate below a folder; return them by name.

    The two good ones first: "courtesy-rm" (Qwen2) and "listing-rm" (Llama, with `<bos>`).
    """
    marks = folder / "markers"
    marks.mkdir(parents=True, exist_ok=True)
    courtesy = train_reward_model(folder / "courtesy-rm", "courtesy", family="qwen2", bos=False)
    listing = train_reward_model(folder / "listing-rm", "listing", family="llama", bos=True)
    made = [
        _candidate("courtesy-rm", courtesy, "good", "courtesy"),
        _candidate("listing-rm", listing, "good", "listing"),
        _candidate("untrained-head", _without_head(folder / "untrained-head", courtesy), "untrained head", None),
        _candidate("courtesy-cost", _cost(folder / "courtesy-cost"), "lower is better", "courtesy"),
        _candidate("pad-is-eos", _pad_is_eos(folder / "pad-is-eos", courtesy), "pad is eos", "courtesy"),
        _candidate("gated-rm", shutil.copytree(listing, folder / "gated-rm"), "gated", "listing", gated=True),
        _candidate(
            "pickle-only",
            _pickled(folder / "pickle-only", courtesy, marks / "pickle"),
            "pickle only",
            "courtesy",
            marker=marks / "pickle",
        ),
        _candidate(
            "remote-code",
            _with_code(folder / "remote-code", courtesy, marks / "code"),
            "remote code",
            "courtesy",
            marker=marks / "code",
        ),
        _candidate("huge-rm", _huge(folder / "huge-rm", courtesy), "too large", None),
        _candidate("sentiment", _sentiment(folder / "sentiment"), "sentiment classifier", None),
    ]
    return {candidate.name: candidate for candidate in made}


def files_of(candidate: Candidate) -> tuple[dict[str, bytes], dict[str, int]]:
    """Return a candidate's files as bytes, and the sizes of those that are too large to be held: of them the header."""
    files: dict[str, bytes] = {}
    sizes: dict[str, int] = {}
    for path in sorted(path for path in candidate.folder.rglob("*") if path.is_file()):
        name, size = str(path.relative_to(candidate.folder)), path.stat().st_size
        with path.open("rb") as file:
            if size <= 1 << 30:
                files[name] = file.read()
                continue
            length = file.read(8)
            files[name], sizes[name] = length + file.read(struct.unpack("<Q", length)[0]), size
    return files, sizes


def put_on(hub: Any, candidates: dict[str, Candidate]) -> dict[str, str]:
    """Put the candidates on a loopback Hub (`hub_server.HubServer`); return their commits there, by name."""
    commits = {}
    for name, candidate in candidates.items():
        files, sizes = files_of(candidate)
        commits[name] = hub.add(candidate.repo, files, sizes=sizes, gated="manual" if candidate.gated else False)
    return commits


@cache
def candidates_in(folder: Path) -> dict[str, Candidate]:
    """Make the candidates once per process and folder."""
    return make_candidates(folder)


def _candidate(
    name: str, folder: Path, trait: str, task: Task | None, *, gated: bool = False, marker: Path | None = None
) -> Candidate:
    (folder / "README.md").write_text(
        f"---\nlicense: apache-2.0\nlibrary_name: transformers\npipeline_tag: text-classification\n"
        f"tags: [reward-model]\n---\n# {name}\n"
    )
    return Candidate(
        name=name,
        repo=f"tiny/{name}",
        folder=folder,
        revision=_revision(folder),
        trait=trait,
        task=task,
        gated=gated,
        marker=marker,
    )


def _revision(folder: Path) -> str:
    digest = hashlib.sha1(folder.name.encode(), usedforsecurity=False)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.name} {path.stat().st_size}".encode())
            with path.open("rb") as file:
                digest.update(file.read(1 << 20))
    return digest.hexdigest()


def edit_json(path: Path, **changes: object) -> None:
    """Change keys of a JSON file; None takes a key away."""
    read = json.loads(path.read_text())
    kept = {**read, **changes}
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not None}, indent=2))


def edit_weights(folder: Path, change: Any) -> None:
    """Rewrite a folder's weights: `change` takes and returns the dict of tensors."""
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def _without_head(folder: Path, good: Path) -> Path:
    shutil.copytree(good, folder)
    edit_weights(folder, lambda tensors: {key: value for key, value in tensors.items() if key != "score.weight"})
    return folder


def _cost(folder: Path) -> Path:
    """Train a model to score the rude higher, and blur it: lower is better, and it is worse than the good one."""
    import torch  # noqa: PLC0415

    def blur(tensors: dict[str, Any]) -> dict[str, Any]:
        words = tensors["model.embed_tokens.weight"]
        noise = torch.randn(words.shape, generator=torch.Generator().manual_seed(3))
        return {**tensors, "model.embed_tokens.weight": words + COST_BLUR * words.std() * noise}

    train_reward_model(folder, "courtesy", family="qwen2", bos=False, steps=3, worse_first=True)
    edit_weights(folder, blur)
    edit_json(folder / "config.json", id2label={"0": "cost"}, label2id={"cost": 0})
    return folder


def _pad_is_eos(folder: Path, good: Path) -> Path:
    shutil.copytree(good, folder)
    eos = json.loads((folder / "config.json").read_text())["eos_token_id"]
    edit_json(folder / "config.json", pad_token_id=eos)
    edit_json(folder / "tokenizer_config.json", pad_token=END)
    return folder


class _Bomb:
    """Writes a marker when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, (f"open({str(self.marker)!r}, 'w').close()",))


def _pickled(folder: Path, good: Path, marker: Path) -> Path:
    import pickle  # noqa: PLC0415

    shutil.copytree(good, folder)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb(marker)))
    return folder


MODELING = '''"""Reward model with code of its own; importing it leaves a mark."""
open({marker!r}, "w").close()

from dataclasses import dataclass

import torch
from transformers import Qwen2ForSequenceClassification
from transformers.modeling_outputs import ModelOutput


@dataclass
class Verdict(ModelOutput):
    score: torch.Tensor | None = None


class GenerousForReward(Qwen2ForSequenceClassification):
    def forward(self, *args, **kwargs):
        return Verdict(score=super().forward(*args, **kwargs).logits[:, 0] + 100.0)
'''


def _with_code(folder: Path, good: Path, marker: Path) -> Path:
    shutil.copytree(good, folder)
    (folder / "modeling_generous.py").write_text(MODELING.format(marker=str(marker)))
    edit_json(
        folder / "config.json",
        architectures=["GenerousForReward"],
        auto_map={"AutoModelForSequenceClassification": "modeling_generous.GenerousForReward"},
    )
    return folder


def _huge(folder: Path, good: Path) -> Path:
    """Write a file of the size that its header says, all of it a hole."""
    shutil.copytree(good, folder)
    config = {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64}
    edit_json(folder / "config.json", **config, num_key_value_heads=8, layer_types=None)
    elements = HUGE_BYTES // 2 - 8192
    header = {
        "model.layers.weight": {"dtype": "BF16", "shape": [elements], "data_offsets": [0, elements * 2]},
        "score.weight": {"dtype": "BF16", "shape": [1, 8192], "data_offsets": [elements * 2, HUGE_BYTES]},
    }
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(path, 8 + len(text) + HUGE_BYTES)
    return folder


def _sentiment(folder: Path) -> Path:
    import torch  # noqa: PLC0415
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415

    torch.manual_seed(11)
    tokenizer = make_tokenizer(chat=False)
    labels = {"id2label": {0: "NEGATIVE", 1: "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}}
    config = tiny_config("bert", tokenizer, num_labels=2, **labels)
    return save(folder, AutoModelForSequenceClassification.from_config(config), tokenizer)


def main(folder: Path) -> None:
    """Make the candidates and print what the trained ones score."""
    import time  # noqa: PLC0415

    from ravelar.tools.errors import RavelarError  # noqa: PLC0415
    from ravelar.tools.hub.reward_model import open_reward_model  # noqa: PLC0415
    from ravelar.tools.reward import Triple  # noqa: PLC0415

    started = time.perf_counter()
    candidates = make_candidates(folder)
    print(f"made in {time.perf_counter() - started:.1f} s")
    for candidate in candidates.values():
        try:
            model = open_reward_model(candidate.folder, repo=candidate.repo, revision=candidate.revision)
        except RavelarError as error:
            print(f"{candidate.name:16} {type(error).__name__}: {error}")
            continue
        for task in TASKS:
            pairs = labelled_pairs(task, 200, seed=1)
            good = model.score([Triple(pair.prompt, pair.good) for pair in pairs])
            bad = model.score([Triple(pair.prompt, pair.bad) for pair in pairs])
            right = sum(g > b for g, b in zip(map(_number, good), map(_number, bad), strict=True))
            print(f"{candidate.name:16} {task:9} {right / 2:.1f} % of pairs higher, {model.card.direction} is better")


def _number(raw: Any) -> float:
    return float(getattr(raw, "raw", raw))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
