"""Haiku: three lines of five, seven and five syllables that hold a given word.

The lexicon is made by hand, each word split at its syllables. Words on which good dictionaries disagree (fire,
hour, flower, every, evening, memory, family ...) are left out, so that no label hangs on a pronunciation.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from five_tasks.rows import Item, Source, words

NOUNS = words("""
riv-er moun-tain win-ter sum-mer morn-ing shad-ow win-dow gar-den moon snow rain wind leaf stone pond frog crow pine
dawn dusk star lake hill path bridge bell smoke lan-tern blos-som but-ter-fly har-bor mead-ow wil-low swal-low
spar-row thun-der crick-et au-tumn drag-on-fly si-lence can-dle tem-ple rip-ple peb-ble pet-al bam-boo rob-in
moon-light snow-flake wa-ter-fall hon-ey spi-der cot-tage vil-lage for-est thick-et rain-drop rain-bow o-cean
gi-ant cloud wave sand reed boat
""")
ADJECTIVES = words("""
qui-et si-lent gold-en fro-zen gen-tle lone-ly sil-ver crim-son an-cient hol-low nar-row pale cold warm soft bright
dark old new slow deep yel-low mist-y dust-y for-got-ten e-ter-nal del-i-cate wild white blue thin sleep-y
sud-den ten-der emp-ty end-less
""")
VERBS = words("""
falls sleeps waits drifts sings fades glows whis-pers wan-ders lin-gers trem-bles lis-tens re-turns a-wak-ens
dis-ap-pears re-mem-bers shiv-ers glit-ters set-tles danc-es ris-es breathes turns calls grows mur-murs
van-ish-es hes-i-tates
""")
ADVERBS = words("soft-ly slow-ly once a-gain to-night to-day now still a-lone be-low here for-ev-er there qui-et-ly")
PREPOSITIONS = words("on in by near be-neath a-bove be-hind a-cross be-side un-der o-ver with")

PATTERNS = (
    "N V",
    "the A N",
    "the N V",
    "the A N V",
    "A N V D",
    "the N V P the N",
    "A N P the A N",
    "N and N",
    "a N P the N",
    "D the A N V",
    "the N of the N V",
    "P the A N a N V",
    "the A N V P the N",
    "one A N V D",
)

ASK = (
    'Write a haiku that contains the word "{}". #RULE',
    'Please write me a haiku (#RULE2) with the word "{}" in it.',
    'Haiku, three lines, 5-7-5 syllables, must mention "{}". No title.',
    'For a postcard I need a haiku. It has to use the word "{}". #RULE',
    '"{}": make a haiku out of this word, and keep the word in it. #RULE',
    'haiku time! word = "{}" (it must appear). #RULE',
)
RULE = "Three lines of 5, 7 and 5 syllables."
RULE2 = "three lines: 5, 7, 5 syllables"


@dataclass(frozen=True)
class Lexicon:
    """Words by part of speech, each split at its syllables by hyphens."""

    nouns: Sequence[str]
    adjectives: Sequence[str]
    verbs: Sequence[str]
    adverbs: Sequence[str]
    prepositions: Sequence[str]
    patterns: Sequence[str] = PATTERNS

    def line(self, syllables: int, rng: random.Random, must: str | None = None) -> str:
        """Make a line of that many syllables, still hyphenated; with the given noun in it if asked."""
        words = {"N": self.nouns, "A": self.adjectives, "V": self.verbs, "D": self.adverbs, "P": self.prepositions}
        while True:
            slots = rng.choice(self.patterns).split()
            line = [rng.choice(words[slot]) if slot in words else slot for slot in slots]
            nouns = [i for i, slot in enumerate(slots) if slot == "N"]
            if must:
                line[rng.choice(nouns)] = must
            content = [word for word in line if len(word) > 3]
            if syllables_of(" ".join(line)) == syllables and len(set(content)) == len(content):
                return _article(" ".join(line))

    def poem(self, counts: Sequence[int], rng: random.Random, must: str | None) -> list[str]:
        """Make lines of so many syllables, one of them holding the noun."""
        at = rng.choice([i for i, count in enumerate(counts) if count >= 5])
        return [self.line(count, rng, must if i == at else None) for i, count in enumerate(counts)]


def syllables_of(line: str) -> int:
    """Count a hyphenated line's syllables, for the generator."""
    return sum(word.count("-") + 1 for word in line.split())


def _article(line: str) -> str:
    return re.sub(r"\b([aA]) (?=[aeiou])", r"\1n ", line)


def written(lines: Sequence[str], rng: random.Random) -> str:
    """Write a poem: hyphens out, with or without capitals and punctuation."""
    plain = [line.replace("-", "") for line in lines]
    if rng.random() < 0.6:
        plain = [line[:1].upper() + line[1:] for line in plain]
    if rng.random() < 0.5:
        plain = [line + rng.choice((",", "", " -", ";")) for line in plain[:-1]] + [plain[-1] + "."]
    return "\n".join(plain)


LEXICON = Lexicon(NOUNS, ADJECTIVES, VERBS, ADVERBS, PREPOSITIONS)


def item_of(lexicon: Lexicon, asks: Sequence[str], rng: random.Random) -> Item:
    """Make a prompt around a noun; the reference is one haiku of many."""
    noun = rng.choice(lexicon.nouns)
    reference = "\n".join(line.replace("-", "") for line in lexicon.poem((5, 7, 5), rng, noun))
    prompt = rng.choice(asks).replace("#RULE2", RULE2).replace("#RULE", RULE).replace("{}", noun.replace("-", ""))
    return Item(prompt, reference, noun)


def _item(rng: random.Random) -> Item:
    return item_of(LEXICON, ASK, rng)


def right(item: Item, rng: random.Random) -> str:
    """Make a new haiku with the word."""
    return written(LEXICON.poem((5, 7, 5), rng, item.facts), rng)


WRONG_COUNTS = {
    "first line short": (4, 7, 5),
    "first line long": (6, 7, 5),
    "second line short": (5, 6, 5),
    "second line long": (5, 8, 5),
    "third line short": (5, 7, 4),
    "third line long": (5, 7, 6),
    "lines swapped": (7, 5, 5),
    "three equal lines": (5, 5, 5),
    "two lines": (5, 7),
    "four lines": (5, 7, 5, 7),
}


def wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    """Make a poem with a wrong line, or one without the word."""
    return wrong_poem(LEXICON, item.facts, rng)


def wrong_poem(lexicon: Lexicon, noun: str, rng: random.Random) -> tuple[str, str]:
    """Make a poem that misses the form by a syllable or a line, or lacks the word."""
    why = rng.choice((*WRONG_COUNTS, "the word is missing"))
    while True:
        must = None if why == "the word is missing" else noun
        text = written(lexicon.poem(WRONG_COUNTS.get(why, (5, 7, 5)), rng, must), rng)
        if must or noun.replace("-", "") not in text.lower():
            return text, why


STYLES = (
    "@@",
    "@@",
    "@@\n",
    "Here is a haiku:\n\n@@",
    "Here's one for you:\n\n@@\n\nI hope you like it!",
    "```\n@@\n```",
    "<think>5-7-5, and the word must be in it. Let me count on my fingers.</think>\n@@",
    "<think>First draft:\n%%\nThat does not scan.</think>\n\n@@",
    "Sure! Counting syllables carefully:\n\n@@",
    "@@\n\n(Counted twice, line by line.)",
)
FORMLESS = (
    ("Take one of these two:\n\n@@\n\nor\n\n%%", "hedged"),
    ("A haiku has three lines of five, seven and five syllables.", "no poem"),
    ("<think>Let me draft.\n@@", "the reasoning never ends"),
    ("", "empty"),
)

source = Source(_item, right, wrong, STYLES, FORMLESS)


# The oracle: looks words up in a table of counts, built without the generator's counting.

LITTLE = ("the", "a", "an", "and", "of", "one")


def counts_of(*lexicons: Lexicon, little: Sequence[str] = LITTLE) -> dict[str, int]:
    """Return each word with its count of syllables."""
    hyphenated = {word for x in lexicons for word in (*x.nouns, *x.adjectives, *x.verbs, *x.adverbs, *x.prepositions)}
    return dict.fromkeys(little, 1) | {word.replace("-", ""): len(word.split("-")) for word in hyphenated}


KNOWN = counts_of(LEXICON)


def oracle(item: Item, answer: str) -> bool:
    """Say whether the answer has three lines of 5, 7, 5 and the word; unknown words are a KeyError."""
    lines = [re.findall("[a-z]+", line.lower()) for line in answer.strip().splitlines()]
    word = item.facts.replace("-", "")
    return [sum(KNOWN[w] for w in line) for line in lines] == [5, 7, 5] and any(word in line for line in lines)
