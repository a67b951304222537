"""What is benchmarked: whoever turns a brief into a text. None of them is ever given a reference.

direct     a language model, asked once
outputs    a file of texts that were written elsewhere
ravel      RAVEL, in any protocol (end-to-end items; see `c3e.ravel_writer`)
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ravelar.agents.asking import asay
from ravelar.agents.prompts import Rendered, digest_of
from ravelar.agents.reading import visible
from ravelar.benchmark.evals.c3e.items import Brief
from ravelar.benchmark.evals.c3e.messages import WriterMessage
from ravelar.benchmark.evals.kept_replies import KeptReplies, Place
from ravelar.benchmark.evals.models import ModelSettings, close_model, default_retries, open_model
from ravelar.tools.chat.journal import Said
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import BrokenReply, InputError
from ravelar.tools.rows import BadRow, read_rows

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_CUT_OFF = frozenset({"length", "max_tokens", "MAX_TOKENS"})


@dataclass(frozen=True, slots=True)
class Written:
    """A text, and what it took.

    Attributes:
        text: The text, without reasoning.
        cut: Whether it was cut off at the token limit.
        spent: Calls, tokens and seconds, as plain JSON.
        trajectory: How it came about, as plain JSON, for writers that work in steps.
        failed: Why there is no text, where a trajectory is worth keeping all the same; "" if there is one.
    """

    text: str
    cut: bool = False
    spent: Mapping[str, Any] = field(default_factory=dict)
    trajectory: Mapping[str, Any] | None = None
    failed: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return it as fields of a row: one that has failed has an error in the text's place."""
        text: dict[str, Any] = {"error": self.failed} if self.failed else {"text": self.text, "cut": self.cut}
        row = {**text, **self.spent}
        return row if self.trajectory is None else {**row, "trajectory": dict(self.trajectory)}


class Writer(Protocol):
    """Writes a text for a brief."""

    @property
    def name(self) -> str:
        """What it is called in rows and reports."""
        ...

    async def write(self, brief: Brief, message: WriterMessage, sample: int) -> Written:
        """Write one text.

        Args:
            brief: What is known of the item.
            message: The same as one message, for writers that take one.
            sample: Which of several texts for one item it is, from 0.

        Raises:
            RavelarError: if there is no text; the row keeps the reason.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class DirectWriter:
    """A language model, asked once.

    Args:
        settings: Which model, and how it is asked; its temperature is that of the message.
        meter: What counts the calls; it may refuse one.
        kept: Where replies are kept.
        name: How it is called; None takes the model's name.
    """

    def __init__(self, settings: ModelSettings, *, meter: Meter, kept: KeptReplies, name: str | None = None) -> None:
        self.name = name or settings.model.partition(":")[2] or settings.model
        self._settings, self._meter, self._kept = settings, meter, kept
        self._chat: BaseChatModel = open_model(settings)
        self._retries = default_retries()

    async def write(self, brief: Brief, message: WriterMessage, sample: int) -> Written:
        """Ask once, and take the text as it comes."""
        options = {"max_tokens": message.max_tokens}
        place = Place(self._kept, {**self._settings.as_row(), **options}, sample)
        chat: Any = self._chat.bind(**options)
        rendered = Rendered(f"c3e.{brief.task}", digest_of("direct"), "", message.text)
        said = await asay(chat, rendered, meter=self._meter, journal=place, retries=self._retries)
        return written_of(said.value)

    async def close(self) -> None:
        """Let go of connections."""
        await close_model(self._chat)


class GivenOutputs:
    """Texts that were written elsewhere: JSON lines of `infer_id`, `output` and perhaps `model`, gzipped or not.

    Args:
        path: The file.
        model: Whose texts, where the file holds several models'.

    Raises:
        InputError: if the file can't be read, or `model` is missing or unknown.
    """

    def __init__(self, path: Path, model: str | None = None) -> None:
        rows = _output_rows(path)
        models = Counter(row.get("model") for row in rows)
        if model is None and len(models) > 1:
            raise InputError(f"{path} holds texts of {len(models)} models: {', '.join(map(str, models))}; name one")
        if model is not None and model not in models:
            raise InputError(f"{path} holds no texts of {model!r}; there: {', '.join(map(str, models))}")
        self.name = model or str(next(iter(models)) or path.name.partition(".")[0])
        self._texts: dict[str, list[str]] = {}
        for row in rows:
            if model is None or row.get("model") == model:
                self._texts.setdefault(row["infer_id"], []).append(row["output"])

    @property
    def item_ids(self) -> frozenset[str]:
        """The items that there are texts for."""
        return frozenset(self._texts)

    async def write(self, brief: Brief, message: WriterMessage, sample: int) -> Written:
        """Return the text that was given."""
        texts = self._texts.get(brief.key, [])
        if sample >= len(texts):
            raise BrokenReply(f"{self.name} has {len(texts)} texts for {brief.key}; number {sample + 1} is asked for")
        return Written(texts[sample])

    async def close(self) -> None:
        """Do nothing: there are no connections."""


def models_in(path: Path) -> list[str]:
    """Return the models whose texts a file of outputs holds, in order.

    Raises:
        InputError: if the file can't be read.
    """
    return list(dict.fromkeys(str(row["model"]) for row in _output_rows(path) if row.get("model")))


def written_of(said: Said) -> Written:
    """Return a reply as a text.

    Raises:
        BrokenReply: if there is none: empty, or nothing but reasoning.
    """
    cut = said.finish_reason in _CUT_OFF
    try:
        text = visible(said.text).strip()
    except ValueError as error:
        raise BrokenReply(str(error)) from None
    if not text:
        raise BrokenReply("the reply is empty" + (": cut off at the token limit" if cut else ""))
    spent = {
        "calls": 1,
        "tokens_in": said.tokens_in,
        "tokens_out": said.tokens_out,
        "cached": said.cached,
        "seconds": round(said.seconds, 3),
        "retries": said.retries,
    }
    return Written(text, cut, spent)


def _output_rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    for row in read_rows(str(path)):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}")
        if not all(isinstance(row.values.get(name), str) for name in ("infer_id", "output")):
            raise InputError(f"{row.place}: the texts infer_id and output are needed")
        rows.append(dict(row.values))
    if not rows:
        raise InputError(f"{path} holds no outputs")
    return rows
