"""From briefs to the rows of a data set: the prompt, and the columns from which an episode begins."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ravelar.agents.prompts import load_prompt
from ravelar.agents.ravel.briefs import read_brief
from ravelar.agents.ravel.languages import labels_of, prompt_of
from ravelar.tools.errors import UnknownName
from ravelar.tools.writing.view import brief_view, planner_brief

_OF_ROLE = {"planner": "planner", "writer": "drafter"}


def rows_of(briefs: Iterable[Mapping[str, Any]], role: str = "planner", *, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield a row for each brief: `prompt` (system and user message), `brief`, `seed`.

    The system message is the one of RAVEL's own planner or drafter. The first row has the seed that is given, each
    further one the next.

    Raises:
        InputError: if a brief can't be used; says why.
        UnknownName: if there is no such role.
    """
    if role not in _OF_ROLE:
        raise UnknownName("role", role, _OF_ROLE)
    for number, given in enumerate(briefs):
        brief = read_brief(given)
        labels = labels_of(brief["language"])
        shown = planner_brief(brief, labels) if role == "planner" else brief_view(brief, labels)
        said = load_prompt(prompt_of(brief["language"], _OF_ROLE[role]))
        prompt = [{"role": "system", "content": said.system}, {"role": "user", "content": shown}]
        yield {"prompt": prompt, "brief": dict(brief), "seed": seed + number}
