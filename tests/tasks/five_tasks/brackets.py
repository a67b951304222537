"""Balanced-bracket repair: insert as few brackets as possible, change nothing else."""

import random
from collections.abc import Callable
from functools import cache

from five_tasks.rows import Item, Source

CLOSER = {"(": ")", "[": "]", "{": "}"}
BRACKETS = "()[]{}"

RULES = (
    "Insert as few brackets as possible so that all brackets match. Don't delete, move or change any character.",
    "Only insertions are allowed, and the number of inserted brackets must be minimal; keep everything else.",
    "Balance it by adding the smallest possible number of brackets, without touching the characters that are there.",
)
ASK = (
    "Repair the brackets of this string: `{}`\n#RULE",
    "The brackets ( ) [ ] { } in `{}` are not balanced. #RULE",
    "fix my brackets pls: `{}`\n\n#RULE",
    "A parser rejects `{}` because its brackets do not match. #RULE Show the whole string.",
    "Bracket repair. Input: `{}`. #RULE Any minimal repair will do.",
)
LEAVES = ("x", "y", "n", "a", "b", "k", "1", "7", "42", "i+1", "2*x", "a-b", "n%3", "")
NAMES = ("f", "max", "g", "sum", "abs", "len", "")


def expression(rng: random.Random, depth: int, leaves: tuple[str, ...] = LEAVES, names: tuple[str, ...] = NAMES) -> str:
    """Make a balanced text with brackets nested up to a depth."""
    if depth == 0:
        return rng.choice(leaves)
    inner = ",".join(
        expression(rng, depth - rng.randint(1, 2) if depth > 1 else 0, leaves, names) for _ in range(rng.randint(1, 2))
    )
    opener = rng.choice("([{")
    return f"{rng.choice(names) if opener != '{' else ''}{opener}{inner}{CLOSER[opener]}"


def broken(whole: str, count: int, rng: random.Random) -> str:
    """Take `count` brackets out of a text."""
    places = [i for i, character in enumerate(whole) if character in BRACKETS]
    out = set(rng.sample(places, min(count, len(places))))
    return "".join(character for i, character in enumerate(whole) if i not in out)


@cache
def repairs(text: str, limit: int = 40) -> tuple[str, ...]:
    """Return minimal repairs of a text, up to `limit`, by inserting one bracket more at a time.

    The k-th round holds every text with k insertions that keeps the stack machine alive: a search over prefixes,
    breadth first by cost, so that the first complete ones are minimal.
    """
    frontier: dict[tuple[int, str], list[str]] = {(0, ""): [""]}  # (read, stack of closers) -> what was written
    for _ in range(len(text) + 1):
        settled: dict[tuple[int, str], list[str]] = {}
        queue = list(frontier.items())
        while queue:
            (at, stack), written = queue.pop()
            known = settled.setdefault((at, stack), [])
            new = [w for w in written if w not in known][: limit - len(known)]
            known += new
            if at == len(text) or not new:
                continue
            mark = text[at]
            if mark in CLOSER:
                queue.append(((at + 1, stack + CLOSER[mark]), [w + mark for w in new]))
            elif mark not in BRACKETS:
                queue.append(((at + 1, stack), [w + mark for w in new]))
            elif stack.endswith(mark):
                queue.append(((at + 1, stack[:-1]), [w + mark for w in new]))
        if done := settled.get((len(text), "")):
            return tuple(sorted(set(done)))
        frontier = _one_more(settled, limit)
    raise AssertionError("every text can be repaired by closing each bracket on its own")


def _one_more(settled: dict[tuple[int, str], list[str]], limit: int) -> dict[tuple[int, str], list[str]]:
    more: dict[tuple[int, str], list[str]] = {}
    for (at, stack), written in settled.items():
        if stack:
            more.setdefault((at, stack[:-1]), []).extend(w + stack[-1] for w in written)
        for opener, closer in CLOSER.items():
            if len(stack) < 8:
                more.setdefault((at, stack + closer), []).extend(w + opener for w in written)
    return {state: sorted(set(written))[:limit] for state, written in more.items()}


def item_from(ask: str, text: str, rng: random.Random) -> Item | None:
    """Make an item of a broken text; None if it needs no repair."""
    found = repairs(text)
    if found == (text,) or "`" in text:
        return None
    return Item(ask.replace("#RULE", rng.choice(RULES)).replace("{}", text, 1), rng.choice(found), text)


def _item(rng: random.Random) -> Item:
    while True:
        text = broken(expression(rng, rng.randint(2, 3)), rng.randint(1, 2), rng)
        if 5 <= len(text) <= 22 and sum(c in BRACKETS for c in text) >= 2:
            item = item_from(rng.choice(ASK), text, rng)
            if item:
                return item


def right(item: Item, rng: random.Random) -> str:
    """Take any minimal repair, not only the reference."""
    return rng.choice(repairs(item.facts))


def wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    """Make a near miss; which kinds there are depends on the text."""
    made: list[tuple[str, str]] = []
    for why, make in SPOILERS.items():
        text = make(item.facts, rng.choice(repairs(item.facts)), rng)
        if text is not None and text.strip() and not oracle(item, text):
            made.append((text, why))
    return rng.choice(made)


def _untouched(text: str, repaired: str, rng: random.Random) -> str:
    return text


def _one_short(text: str, repaired: str, rng: random.Random) -> str:
    return broken(repaired, 1, rng)


def _too_many(text: str, repaired: str, rng: random.Random) -> str:
    at = rng.randrange(len(repaired) + 1)
    opener = rng.choice("([{")
    return f"{repaired[:at]}{opener}{CLOSER[opener]}{repaired[at:]}"


def _wrapped(text: str, repaired: str, rng: random.Random) -> str:
    return f"({repaired})"


def _other_kind(text: str, repaired: str, rng: random.Random) -> str:
    places = [i for i, character in enumerate(repaired) if character in BRACKETS]
    at = rng.choice(places)
    return repaired[:at] + rng.choice(BRACKETS.replace(repaired[at], "")) + repaired[at + 1 :]


def _deleted(text: str, repaired: str, rng: random.Random) -> str:
    """Balance by deleting what does not match."""
    keep, stack = [True] * len(text), []
    for i, mark in enumerate(text):
        if mark in CLOSER:
            stack.append(i)
        elif mark in BRACKETS:
            if stack and CLOSER[text[stack[-1]]] == mark:
                stack.pop()
            else:
                keep[i] = False
    return "".join(mark for i, mark in enumerate(text) if keep[i] and i not in stack)


def _letter_lost(text: str, repaired: str, rng: random.Random) -> str | None:
    places = [i for i, mark in enumerate(repaired) if mark not in BRACKETS]
    if not places:
        return None
    at = rng.choice(places)
    return repaired[:at] + repaired[at + 1 :]


SPOILERS: dict[str, Callable[[str, str, random.Random], str | None]] = {
    "untouched": _untouched,
    "one bracket short": _one_short,
    "balanced but not minimal": _too_many,
    "wrapped once more": _wrapped,
    "a bracket of another kind": _other_kind,
    "deleted instead of inserted": _deleted,
    "a character is lost": _letter_lost,
}

STYLES = (
    "@@",
    "@@",
    "`@@`",
    "```\n@@\n```",
    "The repaired string is `@@`.",
    "Answer: `@@`",
    "**`@@`**",
    "Sure, here is the balanced version:\n\n```text\n@@\n```\n\nEvery opening bracket now has its partner.",
    "<think>I go through it with a stack. `%%`? No, that is not it.</think>\n`@@`",
    "<think>Two candidates come to mind.</think>\n\nFinal answer: @@",
    "Reading from the left and keeping a stack of open brackets, I add what is missing.\n\n@@",
    "My first attempt was `%%`, which is wrong. The repaired string: `@@`",
    "Result:\n\n    @@\n",
)
FORMLESS = (
    ("Either `@@` or `%%`.", "hedged"),
    ("You only need to add the missing brackets at the right places.", "no answer"),
    ("<think>The stack is not empty at the end, so `@@`", "the reasoning never ends"),
    ("", "empty"),
)

source = Source(_item, right, wrong, STYLES, FORMLESS)


# The oracle: balance by erasing inner pairs, insertions by matching the text into the answer, and the least
# number of insertions by the interval recurrence; it shares nothing with the search above.


def balanced(text: str) -> bool:
    """Say whether all brackets match, by erasing innermost pairs."""
    marks = "".join(character for character in text if character in BRACKETS)
    while (shorter := marks.replace("()", "").replace("[]", "").replace("{}", "")) != marks:
        marks = shorter
    return not marks


def least_insertions(text: str) -> int:
    """Return how few brackets balance a text (the interval recurrence known from 'Brackets sequence')."""
    marks = "".join(character for character in text if character in BRACKETS)

    @cache
    def least(i: int, j: int) -> int:
        if i >= j:
            return 0
        best = 1 + least(i + 1, j)
        for k in range(i + 1, j):
            if CLOSER.get(marks[i]) == marks[k]:
                best = min(best, least(i + 1, k) + least(k + 1, j))
        return best

    return least(0, len(marks))


def oracle(item: Item, answer: str) -> bool:
    """Say whether the answer is a minimal repair by insertions alone."""
    rest = iter(answer)
    inserted_only = all(character in rest for character in item.facts) and _others(answer) == _others(item.facts)
    return inserted_only and balanced(answer) and len(answer) == len(item.facts) + least_insertions(item.facts)


def _others(text: str) -> str:
    return "".join(character for character in text if character not in BRACKETS)
