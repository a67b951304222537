"""Question and answer as a pair of texts, for encoders without a chat template (deberta and its like)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ravelar.tools.hub.adapters.engine import Encoded, Engine, Side, numbers
from ravelar.tools.hub.adapters.options import AdapterOptions
from ravelar.tools.hub.adapters.text import conversation, disarming, prompt_text
from ravelar.tools.reward import RawScore, Triple

PROMPT_SHARE = 4  # ours: of an input that is too long, the prompt keeps at least a fourth of the room


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """Puts prompt and completion into the model's two segments and reads one number of the head's output.

    What is too long loses the beginning of its prompt first, then the end of its completion.
    """

    engine: Engine
    options: AdapterOptions
    score_index: int

    def encode(self, triple: Triple) -> Encoded:
        """Turn a triple into the tokens of a pair."""
        tokenizer = self.engine.tokenizer
        chat = conversation(triple, disarming(self.engine.specials))
        backend = tokenizer.backend_tokenizer
        question = backend.encode(prompt_text(chat), add_special_tokens=False)
        answer = backend.encode(chat[-1]["content"], add_special_tokens=False)
        room = self.engine.max_tokens - backend.num_special_tokens_to_add(True)
        before = len(question) + len(answer)
        for_prompt = max(room - len(answer), min(len(question), room // PROMPT_SHARE))
        prompt_cut = len(question) - for_prompt
        question.truncate(max(0, for_prompt), direction="left")
        answer.truncate(max(0, room - len(question)))
        cut = before - len(question) - len(answer)
        where = "the prompt's start" if cut == prompt_cut else "the prompt's start and the completion's end"
        note = f"cut to {self.engine.max_tokens:,} tokens, {cut:,} off {where}" if cut else None
        joined = backend.post_process(question, answer)
        types = tuple(joined.type_ids) if "token_type_ids" in tokenizer.model_input_names else None
        return Encoded(tuple(joined.ids), types, cut=cut, note=note, chat=chat)

    def raws(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> Sequence[RawScore]:
        """Score a batch."""
        return numbers(self.engine.forward(rows, side=side, extra=extra).logits, len(rows), self.score_index)
