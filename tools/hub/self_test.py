"""What a reward model must show before it is evaluated: each check is a bug that released models have had.

A check that fails names itself and says what was seen. What can't be seen of a model from outside (a remote one's
padding, say) is left out.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import RewardToolError
from ravelar.tools.hub.adapters.classifier import ChatClassifier
from ravelar.tools.hub.adapters.engine import Encoded, Engine, Side
from ravelar.tools.hub.adapters.text import conversation
from ravelar.tools.hub.reward_model import Adapter, HubRewardModel
from ravelar.tools.reward import RawScore, RewardTool, Scored, Triple
from ravelar.tools.scoring import describe

TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2, "float16": 2e-2}  # ours: of the scores' own spread
CONSTANT = 1e-6  # ours: a spread below this is none

TrivialPair = tuple[str, str, str]
"""A prompt, a completion that is plainly better, and one that is plainly worse."""

GENERIC_PAIRS: tuple[TrivialPair, ...] = (
    ("What is the capital of France?", "The capital of France is Paris.", "The capital of France is a fish."),
    ("What is 2 + 3?", "2 + 3 = 5.", "2 + 3 = 77."),
    ("Please name three colours.", "Red, green and blue.", "asdf qwer zxcv asdf qwer"),
    ("How do I boil an egg?", "Put it into boiling water for about eight minutes.", "No."),
    ("Write one sentence about the sea.", "The sea was calm and grey that morning.", "sea sea sea sea sea sea sea sea"),
    ("Can you help me with my homework?", "Of course! Which subject is it?", "Go away, you are too stupid."),
    ("Translate 'good morning' into German.", "Guten Morgen.", "I like turtles."),
    ("Why is the sky blue?", "Air scatters blue light more than red light.", "Because because because because."),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, whether it was passed, and what was seen."""

    name: str
    ok: bool
    said: str


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a model showed of itself."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check was passed."""
        return all(check.ok for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that were not passed."""
        return tuple(check for check in self.checks if not check.ok)

    def __getitem__(self, name: str) -> Check:
        """Return a check by its name.

        Raises:
            KeyError: if there is none of that name.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"no check {name!r}; checks: {', '.join(check.name for check in self.checks)}")

    def __str__(self) -> str:
        """Say what failed, in one line."""
        if self.passed:
            return f"passed {len(self.checks)} checks"
        return "; ".join(f"{check.name}: {check.said}" for check in self.failed)

    def as_rows(self) -> list[dict[str, Any]]:
        """Return the checks as plain JSON values."""
        return [{"name": check.name, "ok": check.ok, "said": check.said} for check in self.checks]


class _Tool(Protocol):
    @property
    def card(self) -> ToolCard: ...

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]: ...


Said = tuple[bool, str]


def self_test(model: RewardTool, pairs: Sequence[TrivialPair] = ()) -> SelfTest:
    """Put a model to the checks; never raises: what a check raises is its failure.

    Args:
        model: The model. Of one that is no `HubRewardModel` only what it scores is checked.
        pairs: Trivial pairs of the task at hand. If there are any, they decide whether the sign is right, and the
            generic ones are only reported: a model made for one narrow task owes nothing to the others.
    """
    checks: list[tuple[str, Callable[[], Said]]] = [
        ("finite", lambda: _finite(model, pairs)),
        ("not_constant", lambda: _not_constant(model, pairs)),
        ("deterministic", lambda: _deterministic(model, pairs)),
        ("batched_equals_single", lambda: _batched(model, pairs)),
        ("empty_completion", lambda: _empty(model)),
        ("sign", lambda: _sign(model, pairs)),
    ]
    if isinstance(model, HubRewardModel):
        checks += _inner_checks(model, pairs)
    return SelfTest(tuple(_check(name, look) for name, look in checks))


def _inner_checks(model: HubRewardModel, pairs: Sequence[TrivialPair]) -> list[tuple[str, Callable[[], Said]]]:
    return [
        ("revision_pinned", lambda: _pinned(model)),
        ("score_head_loaded", lambda: _head(_engine(model))),
        ("pad_token", lambda: _pad_token(model, pairs)),
        ("padding", lambda: _padding(model, pairs)),
        ("one_bos", lambda: _one_bos(model)),
        ("own_chat_template", lambda: _own_template(model)),
        ("truncation_reported", lambda: _truncation(model)),
    ]


def _check(name: str, look: Callable[[], Said]) -> Check:
    try:
        ok, said = look()
    except Exception as error:  # noqa: BLE001  a check that can't be made is not passed; a self-test never raises
        return Check(name, False, describe(error))
    return Check(name, ok, said)


# ------------------------------------------------------------------------------------ what it scores


def _probes(pairs: Sequence[TrivialPair]) -> list[Triple]:
    """Return triples of mixed length, so that a batch of them needs padding."""
    both = [*pairs[:8], *GENERIC_PAIRS]
    return [Triple(prompt, text) for prompt, good, bad in both for text in (good, bad)]


def _numbers(raws: Sequence[RawScore]) -> list[float]:
    """Read n scores as numbers.

    Raises:
        RewardToolError: the first that stands in a score's place.
    """
    for raw in raws:
        if isinstance(raw, RewardToolError):
            raise raw
    return [float(raw.raw if isinstance(raw, Scored) else raw) for raw in raws if not isinstance(raw, RewardToolError)]


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _room(model: _Tool, values: Sequence[float]) -> float:
    """Return how far two runs of the same triple may lie apart: a part of the spread, larger at low precision."""
    dtype = model.adapter.engine.dtype if isinstance(model, HubRewardModel) and model.adapter else "bfloat16"
    return max(TOLERANCE.get(dtype, 1e-3) * _spread(values), 1e-5)


def _apart(a: Sequence[float], b: Sequence[float]) -> tuple[int, float]:
    """Return where two rows of scores lie farthest apart, and how far."""
    gaps = [abs(x - y) for x, y in zip(a, b, strict=True)]
    worst = max(range(len(gaps)), key=gaps.__getitem__)
    return worst, gaps[worst]


def _agree(a: Sequence[float], b: Sequence[float], room: float, names: tuple[str, str]) -> Said:
    at, gap = _apart(a, b)
    if gap <= room:
        return True, f"at most {gap:.2g} apart over {len(a)} completions"
    return (
        False,
        f"{names[0]} {a[at]:.6g}, {names[1]} {b[at]:.6g} for the same completion; at most {room:.2g} is allowed",
    )


def _finite(model: _Tool, pairs: Sequence[TrivialPair]) -> Said:
    raws = model.score(_probes(pairs))
    errors = [raw for raw in raws if isinstance(raw, RewardToolError)]
    if errors:
        return False, f"{len(errors)} of {len(raws)} completions unscored: {describe(errors[0])}"
    values = _numbers(raws)
    odd = [value for value in values if not (math.isfinite(value) and model.card.low <= value <= model.card.high)]
    if odd:
        return False, f"{odd[0]} is no finite number in [{model.card.low}, {model.card.high}]"
    return True, f"{min(values):.4g} to {max(values):.4g}"


def _not_constant(model: _Tool, pairs: Sequence[TrivialPair]) -> Said:
    values = _numbers(model.score(_probes(pairs)))
    size = max(map(abs, values))
    if _spread(values) <= CONSTANT * max(1.0, size):
        return False, f"all {len(values)} completions score {values[0]:.6g}"
    return True, f"spread {_spread(values):.4g}"


def _deterministic(model: _Tool, pairs: Sequence[TrivialPair]) -> Said:
    first, second = (_numbers(model.score(_probes(pairs))) for _ in range(2))
    at, gap = _apart(first, second)
    # One model in one process must repeat itself exactly; a server may put a triple into another batch.
    room = 0.0 if isinstance(model, HubRewardModel) else _room(model, first)
    return gap <= room, f"{first[at]:.8g}, then {second[at]:.8g}"


def _batched(model: _Tool, pairs: Sequence[TrivialPair]) -> Said:
    triples = _probes(pairs)
    together = _numbers(model.score(triples))
    alone = [value for triple in triples for value in _numbers(model.score([triple]))]
    return _agree(together, alone, _room(model, alone), ("batched", "alone"))


def _empty(model: _Tool) -> Said:
    values = _numbers(model.score([Triple("What is 2 + 3?", text) for text in ("", " ", "<think>hm</think>")]))
    return all(map(math.isfinite, values)), f"an empty completion scores {values[0]:.4g}"


def _sign(model: _Tool, pairs: Sequence[TrivialPair]) -> Said:
    generic = _right(model, GENERIC_PAIRS)
    said = f"{generic:g} of {len(GENERIC_PAIRS)} generic pairs"
    right, n = generic, len(GENERIC_PAIRS)
    if pairs:
        right, n = _right(model, pairs), len(pairs)
        said = f"{right:g} of {n} pairs of the task, {said}"
    hint = "; turned round it would be right more often: is lower better?" if right < n / 2 else ""
    return right > n / 2, f"{said} in order, {model.card.direction} being better{hint}"


def _right(model: _Tool, pairs: Sequence[TrivialPair]) -> float:
    """Count the pairs whose better completion scores better; a tie counts half."""
    values = _numbers(model.score([Triple(prompt, text) for prompt, good, bad in pairs for text in (good, bad)]))
    turn = 1 if model.card.direction == "higher" else -1
    gaps = [turn * (good - bad) for good, bad in zip(values[::2], values[1::2], strict=True)]
    return sum(1.0 if gap > 0 else 0.5 if gap == 0 else 0.0 for gap in gaps)


# ------------------------------------------------------------------------------------ what it is made of


def _adapter(model: HubRewardModel) -> Adapter:
    if model.adapter is None:
        raise ValueError("the model was closed")
    return model.adapter


def _engine(model: HubRewardModel) -> Engine:
    return _adapter(model).engine


def _encoded(model: HubRewardModel, pairs: Sequence[TrivialPair]) -> list[Encoded]:
    return [_adapter(model).encode(triple) for triple in _probes(pairs)]


def _alone(model: HubRewardModel, rows: Sequence[Encoded]) -> list[float]:
    return [value for row in rows for value in _numbers(_adapter(model).raws([row]))]


def _pinned(model: HubRewardModel) -> Said:
    return re.fullmatch(r"[0-9a-f]{40}", model.revision) is not None, f"revision {model.revision!r}"


def _head(engine: Engine) -> Said:
    if engine.missing:
        return False, f"{', '.join(engine.missing[:3])} was not in the file"
    return True, f"no weight is missing, {len(engine.unexpected)} are left over"


def _pad_token(model: HubRewardModel, pairs: Sequence[TrivialPair]) -> Said:
    """Look whether there is a padding token, and if it is the end-of-sequence token, whether that changes scores.

    Pooling looks for the last token that is no padding: where a conversation ends in eos and pad is eos, the end
    itself is taken for padding, and another token is scored than the one that was trained.
    """
    engine = _engine(model)
    if engine.pad_id is None:
        named = engine.tokenizer.pad_token
        why = f"its padding token {named!r} has no embedding" if named else "it names no padding token"
        return False, f"{why}; batches hold one completion"
    ends = {engine.tokenizer.eos_token_id, getattr(engine.model.config, "eos_token_id", None)}
    if engine.pad_id not in ends:
        return True, f"pad is {engine.pad_id}, eos {engine.tokenizer.eos_token_id}"
    rows = _encoded(model, pairs)
    config = engine.model.config.get_text_config()
    with_eos, kept = _alone(model, rows), config.pad_token_id
    try:
        config.pad_token_id = -1  # no token has it: nothing is taken for padding in a row that stands alone
        without = _alone(model, rows)
    finally:
        config.pad_token_id = kept
    same, said = _agree(with_eos, without, _room(model, without), ("scored", "with eos told from padding"))
    if same:
        return True, f"pad is eos (id {engine.pad_id}), and no score changes by it"
    return False, f"pad is eos (id {engine.pad_id}): {said}"


def _padding(model: HubRewardModel, pairs: Sequence[TrivialPair]) -> Said:
    """Pad by more than is needed, on the right and, where the model is scored at its last token, on the left."""
    engine, rows = _engine(model), _encoded(model, pairs)
    if engine.pad_id is None:
        return False, "there is no padding token"
    alone = _alone(model, rows)
    room = _room(model, alone)
    sides: tuple[Side, ...] = ("right", "left") if engine.decoder else ("right",)
    said = ""
    for side in sides:
        padded = _numbers(_adapter(model).raws(rows, side=side, extra=7))
        same, said = _agree(padded, alone, room, (f"padded on the {side}", "alone"))
        if not same:
            return False, said
    return True, f"{' and '.join(sides)}: {said}"


def _one_bos(model: HubRewardModel) -> Said:
    engine = _engine(model)
    ids = _adapter(model).encode(Triple("What is 2 + 3?", "5")).ids
    bos = engine.tokenizer.bos_token_id
    if bos is None or bos in (engine.tokenizer.eos_token_id, engine.pad_id):
        return True, "the tokenizer has no beginning-of-sequence token of its own"
    first = next((i for i, token in enumerate(ids) if token != bos), len(ids))
    return first <= 1, f"{first} beginning-of-sequence tokens at the start"


def _own_template(model: HubRewardModel) -> Said:
    adapter = _adapter(model)
    if not isinstance(adapter, ChatClassifier):
        return True, f"adapter {model.plan.adapter!r} puts the text together itself"
    tokenizer = adapter.engine.tokenizer
    if not tokenizer.chat_template:
        return adapter.options.format is not None, "the model has no chat template; the option format is used"
    triple = Triple("What is 2 + 3?", "5")
    own = tokenizer.apply_chat_template(conversation(triple, adapter.disarm), tokenize=True, return_dict=False)
    ids = list(adapter.encode(triple).ids)
    if ids == list(own):
        return True, f"{len(ids)} tokens, as the template has them"
    return False, f"{len(ids)} tokens where the model's own chat template has {len(own)}"


def _truncation(model: HubRewardModel) -> Said:
    engine = _engine(model)
    long = Triple("What is 2 + 3?", "five and " * engine.max_tokens)
    (raw,) = model.score([long])
    if isinstance(raw, RewardToolError):
        raise raw
    length = len(_adapter(model).encode(long).ids)
    if not isinstance(raw, Scored) or not raw.note:
        return False, f"{engine.max_tokens * 2:,} words were read as {length:,} tokens, and no note says so"
    return length <= engine.max_tokens, raw.note
