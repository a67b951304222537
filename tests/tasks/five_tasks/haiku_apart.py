"""Haiku, written apart from the probes: other words, other line patterns, other requests, other styles."""

import random

from five_tasks import haiku
from five_tasks.haiku import Lexicon, counts_of, item_of, written, wrong_poem
from five_tasks.rows import Item, Source, words

LEXICON = Lexicon(
    nouns=words("""
    tur-tle ham-mer mar-ket tick-et vi-o-lin rail-way grand-moth-er cof-fee tea-cup news-pa-per pi-an-o ra-di-o
    laun-dry let-ter jack-et um-brel-la kitch-en ta-ble stair-case sub-way sta-tion el-e-va-tor tax-i neigh-bor
    chim-ney roof-top air-plane bas-ket pen-cil note-book clock street train coat cat dog child spoon shelf lamp
    square bus li-on sail-or sol-dier or-chard ap-ple pump-kin on-ion
"""),
    adjectives=words("""
    bus-y rust-y po-lite mod-ern hun-gry emp-ty use-less cheer-ful plas-tic wood-en bro-ken small tall loud green
    torn wet round cheap stub-born cu-ri-ous pre-vi-ous dou-ble bor-rowed paint-ed
"""),
    verbs=words("""
    rat-tles clos-es o-pens for-gets ar-rives de-parts hums stops starts leans be-gins nods com-plains yawns
    whis-tles sneez-es wob-bles re-peats spark-les watch-es hides
"""),
    adverbs=words("loud-ly twice to-mor-row in-side out-side some-where po-lite-ly some-times al-ways"),
    prepositions=words("be-fore be-hind with-out in-to up-on be-tween past from through a-gainst"),
    patterns=(
        "N V",
        "my A N",
        "this N V D",
        "my A N V",
        "no N P my N",
        "that A N P this N",
        "A N A N",
        "N P N N V",
        "D my N V",
        "this N and that N V D",
        "my N V P that A N",
        "how D this N V",
        "A A N",
    ),
)
haiku.KNOWN.update(counts_of(LEXICON, little=("this", "my", "no", "that", "and", "how")))

QUESTIONS = (
    'Compose three lines (5, 7, 5 syllables) about city life in which "{}" occurs.',
    'Poem request. Form: haiku, 5/7/5, exactly three lines. Required word: "{}".',
    'Could you do a 5-7-5 haiku for my fridge door? The word "{}" should be in there.',
    'Give me exactly three lines, five, seven and five syllables long, one of them with "{}".',
)


def _item(rng: random.Random) -> Item:
    return item_of(LEXICON, QUESTIONS, rng)


def _right(item: Item, rng: random.Random) -> str:
    return written(LEXICON.poem((5, 7, 5), rng, item.facts), rng)


def _wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    return wrong_poem(LEXICON, item.facts, rng)


STYLES = (
    "@@",
    "Of course.\n\n@@",
    "For the fridge door:\n\n@@\n\nEnjoy!",
    "```text\n@@\n```",
    "<think>\n%%\nno, wrong count\n</think>@@",
    "Three lines, as requested:\n\n@@",
)
FORMLESS = (
    ("Option A:\n\n@@\n\nOption B:\n\n%%", "hedged"),
    ("I am sorry, poetry is not my strength.", "refuses"),
    ("<think>@@", "never answers"),
)

source = Source(_item, _right, _wrong, STYLES, FORMLESS, formless_share=0.08)
