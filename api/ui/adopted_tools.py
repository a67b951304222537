"""The adopted tools as the page shows them: what each is for, what was measured of it, what was refused."""

from typing import Any

from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.store import AdoptedStore, Unreadable, open_store


def adopted_tools(url: str | None = None) -> dict[str, Any]:
    """Return `place` (where the library is) and `tools`, one a tool in use, by name.

    Args:
        url: Where the library is; None means the default place.

    Raises:
        InputError: if no library can be there.
        LibraryUnusable: if it can't be read.
    """
    with open_store(url, who="the local page") as store:
        found = store.readable() if store.place.exists else []
        return {"place": str(store.place), "tools": [_shown(store, one) for one in found]}


def _shown(store: AdoptedStore, one: Entry | Unreadable) -> dict[str, Any]:
    if not isinstance(one, Entry):
        return {"name": one.name, "version": one.version, "unreadable": one.reason}
    card, name = one.card, one.task.label
    return {
        "name": name,
        "version": one.version,
        "kind": card.kind,
        "form": one.recipe.form,
        "summary": card.summary,
        "task": one.task.summary,
        "correct": one.task.correct,
        "since": store.standings()[name].since,
        "held_out": one.trial.n,
        "unscored": one.trial.unscored,
        "evidence": [fact.model_dump(mode="json") for fact in card.evidence],
        "recipe": one.recipe.model_dump(mode="json", exclude={"source"}),
        "source": one.recipe.source if isinstance(one.recipe, WrittenRecipe) else None,
        "refused": [
            {"candidate": refusal.candidate, "reasons": list(refusal.record.why) or [refusal.record.reason]}
            for refusal in store.refused(name)
        ],
    }
