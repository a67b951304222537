"""A reward model of the Hub as a reward tool, from the folder it was downloaded to.

folder -> what it says of itself -> adapter, or a refusal -> model in memory -> raw scores
"""

import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ravelar.tools.adopted.entry import HubRecipe
from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import InputError, RewardToolError, ToolCrashed, ToolUnavailable
from ravelar.tools.hub.adapters.choice import Plan, choose_adapter
from ravelar.tools.hub.adapters.classifier import ChatClassifier, CustomHead
from ravelar.tools.hub.adapters.engine import Encoded, Engine, Side
from ravelar.tools.hub.adapters.folder import ModelFolder, read_folder
from ravelar.tools.hub.adapters.loading import load_engine, out_of_memory
from ravelar.tools.hub.adapters.options import AdapterOptions, OptionValue, read_options
from ravelar.tools.hub.adapters.pair import QuestionAnswer
from ravelar.tools.hub.adapters.steps import StepScores
from ravelar.tools.hub.adapters.value_head import ValueHead
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.scoring import describe

BATCH_TOKENS = {"cpu": 4_096, "cuda": 32_768}  # ours; see docs/reward-models.md
SMALLER = 4  # ours: after a lack of memory a batch is tried again in so many parts
_ADAPTERS: Mapping[str, Callable[[Engine, AdapterOptions, int], "Adapter"]] = {
    "classifier": ChatClassifier,
    "pair": QuestionAnswer,
    "steps": StepScores,
    "custom": CustomHead,
    "value_head": ValueHead,
}
_HOW = {
    "value_head": "reads a value head off the last token of the conversation, rendered by its own chat template",
    "classifier": "scores the conversation, rendered by the model's own chat template",
    "pair": "scores question and answer as a pair of texts",
    "steps": "scores each step of the completion, joined by the {reduction} of the steps",
    "custom": "scores by code of the repository",
}


class Adapter(Protocol):
    """What reads one family of models."""

    @property
    def engine(self) -> Engine:
        """The loaded model."""
        ...

    def encode(self, triple: Triple) -> Encoded:
        """Turn a triple into what the model reads; raise a `RewardToolError` where that can't be done."""
        ...

    def raws(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> Sequence[RawScore]:
        """Score a batch, padded on a side with so many extra tokens."""
        ...


class HubRewardModel:
    """A loaded reward model. Threads may share it; they take turns.

    A completion is scored without its reasoning. One that is too long is cut, and its row says so.

    Attributes:
        card: What is known of it.
        repo: The repository.
        revision: The commit it was downloaded at.
        plan: How it is read.
        options: What the caller said of it.
        adapter: What reads it.
        truncated: How many completions were cut so far.
    """

    def __init__(  # noqa: PLR0913  all of it is what a model is made of
        self, *, card: ToolCard, repo: str, revision: str, plan: Plan, options: AdapterOptions, adapter: Adapter
    ) -> None:
        self.card = card
        self.repo = repo
        self.revision = revision
        self.plan = plan
        self.options = options
        self.adapter: Adapter | None = adapter
        self.truncated = 0
        self._lock = threading.Lock()

    @property
    def recipe(self) -> HubRecipe:
        """How it is built again.

        Raises:
            InputError: if its revision is not pinned, or its repository has no owner.
        """
        said = self.options.model_dump(exclude_defaults=True)
        try:
            return HubRecipe(
                repo=self.repo,
                revision=self.revision,
                adapter=self.plan.adapter,
                options=said,
                remote_code=self.plan.remote_code,
            )
        except ValueError as error:
            raise InputError(
                f"{self.repo}@{self.revision} can't be kept: 'owner/name' and a commit of 40 digits are needed"
            ) from error

    @property
    def weight_bytes(self) -> int:
        """How much memory its weights take."""
        return self.adapter.engine.weight_bytes if self.adapter else 0

    def with_card(self, card: ToolCard) -> "HubRewardModel":
        """Return the same model under another card (a name, a calibration, evidence); the weights are shared."""
        if self.adapter is None:
            raise ToolUnavailable(f"{self.repo} was closed")
        twin = HubRewardModel(
            card=card,
            repo=self.repo,
            revision=self.revision,
            plan=self.plan,
            options=self.options,
            adapter=self.adapter,
        )
        twin._lock = self._lock
        return twin

    def close(self) -> None:
        """Let go of the model; whoever asks it afterwards gets `ToolUnavailable`."""
        with self._lock:
            engine = self.adapter.engine if self.adapter else None
            self.adapter = None
        if engine is not None and engine.device.startswith("cuda"):
            del engine
            _free()

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n raw scores in order, with a note where something was cut.

        Raises:
            ToolUnavailable: if the model was closed.
        """
        with self._lock:
            if self.adapter is None:
                raise ToolUnavailable(f"{self.repo} was closed")
            rows = [self._encoded(triple) for triple in triples]
            said: list[RawScore] = [row if isinstance(row, RewardToolError) else math.nan for row in rows]
            whole = {i: row for i, row in enumerate(rows) if isinstance(row, Encoded)}
            self.truncated += sum(row.cut > 0 for row in whole.values())
            for batch in self._batches(whole):
                for i, raw in zip(batch, self._run([whole[i] for i in batch]), strict=True):
                    said[i] = _finished(raw, whole[i])
        return said

    def _encoded(self, triple: Triple) -> Encoded | RewardToolError:
        assert self.adapter is not None
        try:
            return self.adapter.encode(triple)
        except RewardToolError as error:
            return error
        except Exception as error:  # noqa: BLE001  a foreign tokenizer; only this triple is concerned
            return ToolCrashed(describe(error))

    def _batches(self, rows: Mapping[int, Encoded]) -> Iterator[list[int]]:
        """Put rows of like length together, the longest first, each batch within its budget of tokens."""
        assert self.adapter is not None
        engine = self.adapter.engine
        budget = self.options.batch_tokens or BATCH_TOKENS["cuda" if engine.device.startswith("cuda") else "cpu"]
        batch: list[int] = []
        for i in sorted(rows, key=lambda i: -len(rows[i].ids)):
            width = len(rows[batch[0]].ids) if batch else 0
            if batch and (engine.pad_id is None or width * (len(batch) + 1) > budget):
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _run(self, rows: Sequence[Encoded]) -> Sequence[RawScore]:
        """Run one batch; where memory lacks, once more in smaller parts; where else it fails, row by row."""
        assert self.adapter is not None
        try:
            return self.adapter.raws(rows)
        except RewardToolError as error:
            return [error] * len(rows)
        except Exception as error:  # noqa: BLE001  a foreign model
            if out_of_memory(error):
                _free()
                size = max(1, len(rows) // SMALLER)
                parts = [rows[at : at + size] for at in range(0, len(rows), size)]
                return [raw for part in parts for raw in self._run_part(part)]
            if len(rows) == 1:
                return [ToolCrashed(describe(error))]
        return [raw for row in rows for raw in self._run([row])]

    def _run_part(self, rows: Sequence[Encoded]) -> Sequence[RawScore]:
        assert self.adapter is not None
        try:
            return self.adapter.raws(rows)
        except RewardToolError as error:
            return [error] * len(rows)
        except Exception as error:  # noqa: BLE001  a foreign model
            if not out_of_memory(error):
                return [ToolCrashed(describe(error))] * len(rows)
            _free()
            longest = max(len(row.ids) for row in rows)
            lack = ToolUnavailable(
                f"out of memory on {self.adapter.engine.device}: {len(rows)} completions of up to {longest:,} tokens"
            )
            return [lack] * len(rows)


def open_reward_model(  # noqa: PLR0913  each is a decision of the caller's
    folder: Path | str,
    *,
    repo: str,
    revision: str,
    adapter: str | None = None,
    options: Mapping[str, OptionValue] | None = None,
    device: str = "auto",
    dtype: str = "auto",
    allow_remote_code: bool = False,
    card: ToolCard | None = None,
) -> HubRewardModel:
    """Load a reward model from the folder of a downloaded snapshot.

    Args:
        folder: Where it is; nothing else is read, and the network is not used.
        repo: "owner/name", where it comes from.
        revision: The commit it was downloaded at.
        adapter: "classifier", "value_head", "pair", "steps" or "custom" instead of the one that its config asks for.
        options: See `tools.hub.adapters.options`.
        device: "auto" (CUDA if there is one), "cpu", "cuda" ...
        dtype: "auto" (float32; on CUDA bfloat16 where the weights are stored in 16 bits), "float32", "bfloat16",
            "float16".
        allow_remote_code: Whether code of this very repository may run; the caller has named it.
        card: Its card where it was adopted; None makes one.

    Raises:
        RepositoryRefused: if it must not or can't be used; the message says why.
        RepositoryLied: if a file is not what it says of itself.
        ToolUnavailable: if torch, transformers, the device or memory are missing.
        InputError: if an option is unknown or not allowed.
    """
    read = read_folder(Path(folder), repo)
    said = read_options(options)
    plan = choose_adapter(read, adapter=adapter, options=said, allow_remote_code=allow_remote_code)
    engine = load_engine(read, plan, said, device=device, dtype=dtype)
    reader = _ADAPTERS[plan.adapter](engine, said, plan.score_index)
    return HubRewardModel(
        card=card or make_card(read, plan, said, revision=revision),
        repo=repo,
        revision=revision,
        plan=plan,
        options=said,
        adapter=reader,
    )


def make_card(folder: ModelFolder, plan: Plan, options: AdapterOptions, *, revision: str) -> ToolCard:
    """Write the card of a model of which nothing was measured yet; its weights are not read."""
    how = _HOW[plan.adapter].format(reduction=options.reduction)
    return ToolCard(
        name=card_name(folder.repo),
        kind="reward_model",
        task="not evaluated yet",
        summary=(
            f"{folder.architecture} of the Hugging Face Hub: {how}; {plan.direction} is better (says: "
            f"{plan.direction_from}). Its raw scale is its own: without a calibration it earns no reward."
            if math.isinf(plan.high)
            else f"{folder.architecture} of the Hugging Face Hub: {how}; {plan.direction} is better."
        ),
        needs=("prompt",),
        low=plan.low,
        high=plan.high,
        direction=plan.direction,
        provenance=Provenance(source=folder.repo, revision=revision, licence=folder.licence),
    )


def card_name(repo: str) -> str:
    """Make a repository's name into one that a card allows."""
    return "hub/" + re.sub(r"[^a-z0-9_.:/-]", "-", repo.lower())


def _finished(raw: RawScore, row: Encoded) -> RawScore:
    """Refuse what is no finite number; add what the row should say."""
    if isinstance(raw, RewardToolError):
        return raw
    number = raw.raw if isinstance(raw, Scored) else raw
    if not math.isfinite(number):
        return ToolCrashed(f"the model returned {number}, which is no finite number")
    if row.note is None:
        return raw
    return replace(raw, note=row.note) if isinstance(raw, Scored) else Scored(raw, note=row.note)


def _free() -> None:
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
