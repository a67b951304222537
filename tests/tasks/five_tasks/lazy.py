"""Verifiers as lazy models write them: each would pass a casual look, and each must be refused."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lazy:
    """A verifier that must not be adopted.

    Attributes:
        source: Its source.
        reason: Why it must be refused, in words.
        accepts_bad: Whether it accepts many wrong completions.
        rejects_good: Whether it rejects many right ones.
        raises_on_empty: Whether an empty completion makes it raise.
    """

    source: str
    reason: str
    accepts_bad: bool = False
    rejects_good: bool = False
    raises_on_empty: bool = False


_ALWAYS = Lazy(
    '''def verify(prompt, completion, reference):
    """Check that the completion addresses the task."""
    score = 1.0
    if completion is None:
        score = 0.0
    return score
''',
    "false accepts: it gives every completion 1.0, wrong and hostile ones too (even the empty one)",
    accepts_bad=True,
)

_KEYWORDS = {
    "bracket_repair": Lazy(
        '''def verify(prompt, completion, reference):
    """The brackets balance when each kind opens as often as it closes."""
    pairs = [("(", ")"), ("[", "]"), ("{", "}")]
    return 1.0 if all(completion.count(a) == completion.count(b) for a, b in pairs) else 0.0
''',
        "false accepts: it counts brackets, so that changed, shortened or too long texts pass, and no text at all",
        accepts_bad=True,
    ),
    "date_normalisation": Lazy(
        '''import re

def verify(prompt, completion, reference):
    """A normalised date has the form YYYY-MM-DD."""
    return 1.0 if re.search(r"\\d{4}-\\d{2}-\\d{2}", completion) else 0.0
''',
        "false accepts: any date in the right form passes, a day late or with day and month swapped",
        accepts_bad=True,
    ),
    "sql_equivalence": Lazy(
        '''def verify(prompt, completion, reference):
    """Compare the keywords of both queries."""
    words = ["select", "from", "where", "join", "order by", "limit"]
    low, wanted = completion.lower(), reference.lower()
    return 1.0 if all(word in low for word in words[:2]) and ("where" in low) == ("where" in wanted) else 0.0
''',
        "false accepts: any SELECT with a WHERE clause passes, whatever it selects",
        accepts_bad=True,
    ),
    "haiku_syllables": Lazy(
        '''import re

def verify(prompt, completion, reference):
    """The poem must mention the word."""
    word = re.search(r'"([^"]+)"', prompt)
    return 1.0 if word and word.group(1).lower() in completion.lower() else 0.0
''',
        "false accepts: it looks for the word alone and counts neither lines nor syllables",
        accepts_bad=True,
    ),
    "unit_conversion": Lazy(
        '''def verify(prompt, completion, reference):
    """The unit that was asked for must be in the completion."""
    unit = reference.split()[-1]
    return 1.0 if unit in completion else 0.0
''',
        "false accepts and false rejects: any number with the right unit passes, and a unit written out does not",
        accepts_bad=True,
        rejects_good=True,
    ),
}

_FIRST_WORD = Lazy(
    '''def verify(prompt, completion, reference):
    """Compare the completion with the reference."""
    expected = str(reference).split()[0].lower()
    return 1.0 if expected in completion.lower() else 0.0
''',
    "false accepts: the reference's first word anywhere in the completion is enough, even where it is taken back",
    accepts_bad=True,
)
_FIRST_WORD_DIFFERS = {
    "bracket_repair": Lazy(
        _FIRST_WORD.source,
        "false rejects: it wants this very repair, where others are as good",
        rejects_good=True,
    ),
    "unit_conversion": Lazy(
        _FIRST_WORD.source,
        "false accepts and false rejects: the number anywhere passes, with any unit, and '1,234.5' is not '1234.50'",
        accepts_bad=True,
        rejects_good=True,
    ),
    "haiku_syllables": Lazy(
        _FIRST_WORD.source,
        "false accepts and false rejects: the reference's first word says nothing of another poem",
        accepts_bad=True,
        rejects_good=True,
    ),
}
_HONEST = {
    "bracket_repair": "brackets",
    "date_normalisation": "dates",
    "sql_equivalence": "sql",
    "haiku_syllables": "haiku",
    "unit_conversion": "units",
}


def _crashing(module: str) -> Lazy:
    """Make the honest verifier crash on an empty completion, and on nothing else."""
    source = (Path(__file__).parent / "honest" / f"{module}.py").read_text(encoding="utf-8")
    head = "def verify(prompt, completion, reference):\n"
    assert source.count(head) == 1
    return Lazy(
        source.replace(head, f"{head}    first_line = completion.strip().splitlines()[0]\n    assert first_line\n"),
        "it raises IndexError on an empty completion, a canary input, though it is right on the others",
        raises_on_empty=True,
    )


LAZY: dict[str, dict[str, Lazy]] = {
    label: {
        "keyword_match": keywords,
        "always_one": _ALWAYS,
        "first_word": _FIRST_WORD_DIFFERS.get(label, _FIRST_WORD),
        "crashes_on_empty": _crashing(_HONEST[label]),
    }
    for label, keywords in _KEYWORDS.items()
}
