"""Balanced-bracket repair, written apart from the probes: longer texts from code, other words, other styles."""

import random

from five_tasks.brackets import BRACKETS, CLOSER, item_from, oracle, repairs
from five_tasks.rows import Item, Source

TEXTS = (
    "if(a[0]==b){go(c)}",
    "print(list(map(int,s)))",
    "{key:[1,2,(3,4)]}",
    "((p|q)&[r|s])",
    "d[k[0]].get(m)",
    "for(i=0;i<n;i++){t[i]=0}",
    "sqrt((u-v)*(u+v))",
    "[[1,0],[0,1]]",
    "lambda(z){z[0](z[1])}",
    "{a:{b:{c:()}}}",
    "w(3){e[5](r)}",
    "(((h)))",
    "q[w[e[r]]]",
    "[{id:5},{id:6}]",
    "m.set(s[1],{o:(2)})",
    "while(!done()){step(u[j])}",
)
QUESTIONS = (
    "Someone dropped brackets while copying this line: `{}`. #RULE",
    "`{}`\n\nis what the student handed in. #RULE What is the corrected line?",
    "Make the bracket structure of `{}` valid. #RULE",
    "Task: minimal bracket completion.\nLine: `{}`\n#RULE",
)


def _item(rng: random.Random) -> Item:
    while True:
        whole = rng.choice(TEXTS)
        marks = [i for i, mark in enumerate(whole) if mark in BRACKETS]
        gone = rng.sample(marks, rng.choice((1, 1, 2, 3)))
        text = "".join(mark for i, mark in enumerate(whole) if i not in gone)
        item = item_from(rng.choice(QUESTIONS), text, rng)
        if item:
            return item


def _right(item: Item, rng: random.Random) -> str:
    return rng.choice(repairs(item.facts))


def _wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    best = rng.choice(repairs(item.facts))
    end = "".join(rng.choices(")]}", k=len(best) - len(item.facts)))
    half = rng.randrange(len(best))
    opened = "".join(mark for mark in best if mark in CLOSER)
    tries = (
        (item.facts + end, "closed at the end at random"),
        (best[:half] + best[half + 1 :], "one character out"),
        (best[:half] + "[]" + best[half:], "a pair too many"),
        (best.replace("[", "(").replace("]", ")"), "other brackets"),
        (best.replace("{", "[").replace("}", "]"), "other brackets"),
        (opened + opened[::-1].translate(str.maketrans("([{", ")]}")), "only the brackets"),
        (best[::-1], "reversed"),
    )
    return rng.choice([(text, why) for text, why in tries if not oracle(item, text)])


STYLES = (
    "@@",
    "Corrected line: `@@`",
    "```python\n@@\n```",
    "I'd write it like this:\n```\n@@\n```",
    "The line should read\n\n`@@`\n\nand nothing else needs to change.",
    "<think>count: openers, closers... `%%` would lose something</think>The corrected line is `@@`",
    "Not `%%`, but `@@`",
    "Output: @@",
)
FORMLESS = (
    ("It might be `@@`, or else `%%`.", "hedged"),
    ("There are too many ways to do this.", "refuses"),
    ("<think>`@@`", "never answers"),
)

source = Source(_item, _right, _wrong, STYLES, FORMLESS, formless_share=0.08)
