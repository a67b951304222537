# ruff: noqa: PLC0415  the published scorer is imported once its folder is known
"""Compare our verdicts with those of the published scorer, as lm_eval ships it; run by hand, no test.

    pip install --target /tmp/published --no-deps lm_eval==0.4.13 immutabledict langdetect==1.0.9
    python tests/verifiers/instructions/compare_with_published.py /tmp/published [SHARED_DATA]

Nothing of that scorer is part of this project; it is asked for verdicts only. Its sentence model is a
download, so that a Punkt model trained here on C3EBench and GSM8K text stands in for it; its unseeded
language detection is seeded. Each of the 834 instructions is put to 60 texts: model outputs and
references, most of them changed towards or away from what the instruction wants.
"""

import gzip
import json
import random
import sys
import types
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from ravelar.tools.reward import Triple
from ravelar.tools.verifiers.instructions.reading import instructions_of

PUBLISHED = Path(sys.argv[1])
SHARED = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).resolve().parents[4] / "shared" / "data")
FRAGMENTS = [
    *"[,\n",
    "*",
    "**",
    "***",
    "******",
    "\n\n",
    "* ",
    "- ",
    "[x]",
    "<<",
    ">>",
    "P.S.",
    "P.P.S",
    '"',
    "SECTION 1",
]
FRAGMENTS += ["Section 2", "My answer is no.", "{}", "```json", "```", "...", "Mr. ", "1. ", "NASA ", "#"]
WHOLE = [
    "<<a>>",
    "<<",
    "<< >>",
    "<<<>>>",
    "<<a\nb>>",
    "[1, 2]",
    '{"a": "b"}',
    '```json\n{"a": [1]}\n```',
    "```\n3\n```",
]
WHOLE += ["```JSON {}```", "NaN", "My answer is yes.", '"x"']
BULLETS = ["* ", "- ", "*", "-", "** ", " * ", "\t- ", "\n\n* ", "*\n", "+ ", "1. "]
OTHER_STOPS = frozenset("。！？।")  # which we read as ends of sentences, and the published scorer does not


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(SHARED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def published_registry() -> dict[str, Any]:
    """Load the published checkers without the package around them and without their downloads."""
    import nltk
    from nltk.tokenize import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer

    trainer = PunktTrainer()
    trainer.INCLUDE_ALL_COLLOCS = True
    texts = [row["reference"] for row in rows("c3ebench/english")]
    texts += [f"{row['question']} {row['answer']}" for row in rows("gsm8k/train")]
    trainer.train("\n".join(texts), finalize=False)
    trainer.finalize_training()
    splitter, tokenizer = PunktSentenceTokenizer(trainer.get_params()), NLTKWordTokenizer()
    nltk.download = nltk.data.find = lambda *_, **__: True
    nltk.data.load = lambda *_, **__: splitter
    nltk.word_tokenize = lambda text: [word for part in splitter.tokenize(text) for word in tokenizer.tokenize(part)]

    sys.path.append(str(PUBLISHED))
    for name in ("lm_eval", "lm_eval.tasks", "lm_eval.tasks.ifeval"):
        module = sys.modules[name] = types.ModuleType(name)
        module.__path__ = [str(PUBLISHED / name.replace(".", "/"))]
    import langdetect
    from lm_eval.tasks.ifeval import instructions_registry

    langdetect.DetectorFactory.seed = 0
    return instructions_registry.INSTRUCTION_DICT


def base_texts() -> list[str]:
    outputs = [
        text
        for name in ("rm-bench/chat_filtered", "rm-bench/safety-response_filtered")
        for row in rows(name)
        for text in row["chosen"] + row["rejected"]
    ]
    samples = json.loads(Path(__file__).with_name("language_samples.json").read_text(encoding="utf-8"))
    return [
        *random.sample(outputs, 400),
        *(row["output"] for row in rows("c3ebench/outputs_frontier_100_items")[:200]),
        *(row["ref"] for row in rows("wmt21ted/ende")[:40]),
        *(" ".join(sentences) for sentences in samples.values()),
    ]


def paragraphs(text: str, kwargs: dict[str, Any]) -> str:
    parts = ([part for part in text.split("\n\n") if part.strip()] or ["x"]) * 9
    parts = parts[: kwargs["num_paragraphs"] + random.choice([0, 0, 0, 0, 1, -1])]
    word = kwargs["first_word"]
    word = random.choice([word, word.upper(), f'"{word}', word + random.choice(".,!?:;*s)"), f"**{word}"])
    if parts:
        nth = min(len(parts), kwargs["nth_paragraph"]) - 1
        parts[nth] = word + random.choice([" ", "", "\n", ": "]) + parts[nth]
    gap = random.choice(["\n\n", "\n\n", "\n\n\n", "\n\n\n\n"])
    return random.choice(["", "", "\n\n", "\n"]) + gap.join(parts) + random.choice(["", "\n", "\n\n"])


def sections(text: str, kwargs: dict[str, Any]) -> str:
    number = kwargs["num_sections"] + random.choice([0, 0, 0, -1, 1])
    marks = [random.choice([" ", "", "\n", "  ", "-"]) + random.choice(["1", "2", "II", "12 "]) for _ in range(number)]
    return "\n".join(kwargs["section_spliter"] + mark + text[:30] for mark in marks)


def bullets(text: str, kwargs: dict[str, Any]) -> str:
    number = kwargs["num_bullets"] + random.choice([0, 0, -1, 1])
    ends = ["\n", "\n", "\n\n", ""]
    lines = [random.choice(BULLETS) + random.choice(["a", "b c", ""]) + random.choice(ends) for _ in range(number)]
    return text[:50].replace("*", "").replace("-", "") + "\n" + "".join(lines)


def with_values(text: str, kwargs: dict[str, Any]) -> str:
    values = [" ".join(v) if isinstance(v, list) else v for v in kwargs.values() if isinstance(v, str | list)]
    value = next((v for v in values if v not in ("at least", "less than")), "x")
    return random.choice([f"{value} {text}", f"{text} {value}", f"{text} {value}" * 2])


def sprinkled(text: str, _: dict[str, Any]) -> str:
    for _ in range(random.randint(1, 8)):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(FRAGMENTS) + text[at:]
    return text


def changed(text: str, kwargs: dict[str, Any]) -> str:
    """Return the text, more often than not changed in the way that matters to this instruction."""
    for argument, change in (("nth_paragraph", paragraphs), ("section_spliter", sections), ("num_bullets", bullets)):
        if argument in kwargs and random.random() < 0.7:
            return change(text, kwargs)
    if not kwargs and random.random() < 0.2:
        return random.choice(WHOLE) + random.choice(["", "\n", text])
    half = len(text) // 2
    simple = [text, text, text.upper(), text.lower(), f'"{text}"', text.replace(",", "")]
    simple += [text.replace("\n\n", "\n***\n"), text[:half] + "\n******\n" + text[half:], with_values(text, kwargs)]
    return random.choice(simple) if random.random() < 0.7 else sprinkled(text, kwargs)


def main() -> None:
    random.seed(7)
    registry, texts = published_registry(), base_texts()
    verdicts: defaultdict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for row in rows("ifeval/ifeval"):
        for name, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            published = registry[name](name)
            published.build_description(**kwargs)
            [ours] = instructions_of(Triple("", "", {"instruction_id_list": [name], "kwargs": [kwargs]}))
            for text in (changed(text, kwargs) for text in random.sample(texts, 60)):
                if text.strip() and not ("sentences" in name and OTHER_STOPS & set(text)):
                    verdicts[name][bool(published.check_following(text)), ours.followed_by(text)] += 1
    print(f"{'family':48}{'n':>6}{'both pass':>11}{'both fail':>11}{'published':>11}{'ours':>6}")
    for name, counts in [*sorted(verdicts.items()), ("all", sum(verdicts.values(), Counter()))]:
        both, neither, theirs, ours_only = (counts[k] for k in ((1, 1), (0, 0), (1, 0), (0, 1)))
        print(f"{name:48}{counts.total():6}{both:11}{neither:11}{theirs:11}{ours_only:6}")


if __name__ == "__main__":
    main()
