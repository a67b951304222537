"""Process reward models: one score a step, at the token that ends it, joined to one score of the completion."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import RewardToolError, ToolCrashed, UnusablePrompt
from ravelar.tools.hub.adapters.classifier import cut_ids, cut_note
from ravelar.tools.hub.adapters.engine import Encoded, Engine, Side
from ravelar.tools.hub.adapters.options import AdapterOptions
from ravelar.tools.hub.adapters.text import conversation, disarming, prompt_text, steps_of
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.scoring import describe

KNOWN_MARKERS = ("<extra_0>", "<|step|>", "<step>")  # none of them is a word that a vocabulary holds anyway


@dataclass(frozen=True, slots=True)
class StepScores:
    """Scores each step of a completion as the chance that it is right, and joins them: min, product or last.

    The completion is split at blank lines (option `step_split`). With a marker that is one token of the model
    (`<extra_0>` or option `step_marker`) the steps are joined by it inside the chat template; without one they
    follow the prompt, each ended by the separator, and are scored at its last token.
    """

    engine: Engine
    options: AdapterOptions
    score_index: int

    @property
    def marker(self) -> str | None:
        """The token that ends a step; None if the model has none."""
        if self.options.step_marker is not None:
            return self.options.step_marker or None
        vocabulary = self.engine.tokenizer.get_vocab()
        return next((marker for marker in KNOWN_MARKERS if marker in vocabulary), None)

    def encode(self, triple: Triple) -> Encoded:
        """Turn a triple into tokens with the positions of its steps' ends.

        Raises:
            ToolCrashed: if the marker that was named is not one token of the model.
            UnusablePrompt: if the model's chat template refuses the messages.
        """
        marker = self.marker
        chat = conversation(triple, disarming((*self.engine.specials, *([marker] if marker else []))))
        steps = steps_of(chat[-1]["content"], self.options.step_split)
        ids, marks = self._marked(chat, steps, marker) if marker else self._separated(chat, steps)
        kept = cut_ids(ids, self.engine.max_tokens, "start", keep_first=self.engine.tokenizer.bos_token_id)
        lost = len(ids) - len(kept)
        places = tuple(mark - lost for mark in marks if mark - lost >= (1 if lost else 0))
        note = cut_note(len(ids), len(kept), "start")
        if note and len(places) < len(marks):
            note += f"; {len(marks) - len(places)} of {len(marks)} steps are gone"
        return Encoded(tuple(kept), marks=places, cut=lost, note=note, chat=chat)

    def raws(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> Sequence[RawScore]:
        """Score a batch; the steps' own scores are kept in `detail`."""
        said = self.engine.forward(rows, side=side, extra=extra)
        logits = said.logits if hasattr(said, "logits") else said[0]
        logits = logits.detach().float().cpu()
        shift = [logits.shape[1] - len(row.ids) if side == "left" else 0 for row in rows]
        return [self._joined(logits[i], row, shift[i]) for i, row in enumerate(rows)]

    def _joined(self, logits: Any, row: Encoded, shift: int) -> Scored | RewardToolError:
        if logits.shape[-1] <= self.score_index:
            return ToolCrashed(
                f"the model returned {logits.shape[-1]} values a token; none has index {self.score_index}"
            )
        if not row.marks:
            return ToolCrashed("no step is left after cutting")
        at = logits[[mark + shift for mark in row.marks]]
        chances = at.sigmoid()[:, 0] if at.shape[-1] == 1 else at.softmax(dim=-1)[:, self.score_index]
        steps: list[float] = chances.tolist()
        if not all(map(math.isfinite, steps)):
            return ToolCrashed(f"a step's score is no finite number: {steps!r:.200}")
        raw = {"min": min(steps), "product": math.prod(steps), "last": steps[-1]}[self.options.reduction]
        return Scored(raw, detail={"steps": [round(step, 6) for step in steps]})

    def _marked(self, chat: Any, steps: list[str], marker: str) -> tuple[list[int], list[int]]:
        tokenizer = self.engine.tokenizer
        mark = tokenizer.encode(marker, add_special_tokens=False)
        if len(mark) != 1:
            raise ToolCrashed(f"the step marker {marker!r} is {len(mark)} tokens of the model, not one")
        said = {"role": "assistant", "content": "".join(step + marker for step in steps)}
        ids = self._tokens(self._prompt([*chat[:-1], said], opened=False))
        return ids, [i for i, token in enumerate(ids) if token == mark[0]]

    def _separated(self, chat: Any, steps: list[str]) -> tuple[list[int], list[int]]:
        ids, marks = self._tokens(self._prompt(chat[:-1], opened=True)), []
        end = self._tokens(self.options.step_split)
        for step in steps:
            ids = [*ids, *self._tokens(step), *end]
            marks.append(len(ids) - 1)
        return ids, marks

    def _prompt(self, chat: Any, *, opened: bool) -> str:
        tokenizer = self.engine.tokenizer
        if not tokenizer.chat_template:
            return prompt_text([*chat, {}]) if opened else f"{prompt_text(chat)}\n{chat[-1]['content']}"
        try:
            return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=opened))
        except Exception as error:  # jinja's errors, and whatever a template calls
            raise UnusablePrompt(f"the model's chat template refuses the messages: {describe(error)}") from error

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self.engine.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids
