"""Names of a few made-up tasks, and prompts to recognise."""

import random
from collections.abc import Callable

import pytest

from ravelar.benchmark.route_prompts import FamilyPrompt, mixed_prompts
from ravelar.tools.recognition.names import NamedExample
from ravelar.tools.recognition.recogniser import Recogniser

KNOWN = ("unit_conversion", "haiku", "sql_query", "date_normalisation")


@pytest.fixture(scope="session")
def prompts_of() -> Callable[..., list[FamilyPrompt]]:
    """Make n prompts of some families, seeded."""

    def make(*families: str, n: int, seed: int = 0) -> list[FamilyPrompt]:
        return list(mixed_prompts(n, seed, families=families))

    return make


@pytest.fixture(scope="session")
def examples(prompts_of: Callable[..., list[FamilyPrompt]]) -> list[NamedExample]:
    """160 names of four tasks, in no order."""
    made = [
        NamedExample.of(one.prompt, one.reference, one.family, named_at=float(i))
        for i, one in enumerate(prompts_of(*KNOWN, n=160, seed=5))
    ]
    random.Random(1).shuffle(made)
    return made


@pytest.fixture(scope="session")
def recogniser(examples: list[NamedExample]) -> Recogniser:
    return Recogniser.fit(examples)
