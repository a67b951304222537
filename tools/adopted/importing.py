"""Taking shared tools into a store: in use only after they were checked again on labelled probes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ravelar.tools.adopted.entry import Entry, HubRecipe, Recipe, RemoteRecipe, WrittenRecipe
from ravelar.tools.adopted.folder import read_folder
from ravelar.tools.adopted.store import AdoptedStore
from ravelar.tools.card import Evidence
from ravelar.tools.errors import RavelarError
from ravelar.tools.evidence.probes import ProbeSet
from ravelar.tools.evidence.trial import Trial

_LONGEST_WALL_S = 60.0  # ours: a verifier from elsewhere may not ask for more per call


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What checking a tool from elsewhere gave.

    Attributes:
        ok: Whether it may be used.
        reason: Why or why not, in a sentence.
        why: The points it rests on.
        trial: What it did on the held-out probes here; stands in place of the trial it came with.
        evidence: The same for its card.
    """

    ok: bool
    reason: str
    why: tuple[str, ...] = ()
    trial: Trial | None = None
    evidence: tuple[Evidence, ...] | None = None


Recheck = Callable[[Entry, ProbeSet], Rechecked]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one tool of a folder."""

    name: str
    version: str
    state: Literal["adopted", "unchecked", "refused", "in use already"]
    reason: str


def import_folder(  # noqa: PLR0913  each says what is trusted
    folder: str | Path,
    store: AdoptedStore,
    *,
    recheck: Recheck | None = None,
    probes: Mapping[str, ProbeSet] | None = None,
    trust_probes: bool = False,
    allow: Collection[str] = (),
    run: str = "",
    source: str = "",
) -> list[Imported]:
    """Take the tools of a folder into a store: in use if they pass `recheck` on probes, else kept unchecked.

    Args:
        folder: What `export_folder` wrote, here or elsewhere.
        store: Where they go.
        recheck: Measures a tool on probes and decides; None leaves all of them unchecked.
        probes: One's own probes, by tool name; they go before those in the folder.
        trust_probes: Whether the folder's own probes may decide where there are no others. Whoever made the tool
            made them too, so they only show that it does what its maker says.
        allow: Repositories whose own code may run, and addresses that prompts may be sent to.
        run: The run that imports.
        source: Where the folder came from, for the records.

    Raises:
        InputError: if the folder can't be read as a whole; then nothing was taken.
    """
    found = read_folder(folder)
    origin = source or str(folder)
    in_use = store.active()
    done = []
    for entry, theirs in found:
        own = (probes or {}).get(entry.task.label)
        given = own if own is not None else theirs if trust_probes else None
        done.append(
            Imported(entry.task.label, entry.version, "in use already", "the same version is in use")
            if in_use.get(entry.task.label) == entry.version
            else _take(entry, given, store, recheck=recheck, allow=allow, run=run, source=origin)
        )
    return done


def _take(  # noqa: PLR0913  as above
    entry: Entry,
    probes: ProbeSet | None,
    store: AdoptedStore,
    *,
    recheck: Recheck | None,
    allow: Collection[str],
    run: str,
    source: str,
) -> Imported:
    name, version = entry.task.label, entry.version
    checked = _forbidden(entry.recipe, allow) or _checked(entry, probes, recheck)
    if isinstance(checked, str):
        reason = f"from {source}; kept, but not in use: {checked}"
        store.keep_unchecked(entry, run=run, reason=reason)
        return Imported(name, version, "unchecked", reason)
    if not checked.ok:
        store.refuse(
            name,
            f"import of {version}",
            reason=checked.reason,
            run=run,
            why=(f"from {source}", *checked.why),
            recipe=entry.recipe,
            trial=checked.trial,
        )
        return Imported(name, version, "refused", checked.reason)
    measured = entry.model_copy(
        update={
            "trial": checked.trial or entry.trial,
            "card": entry.card
            if checked.evidence is None
            else entry.card.model_copy(update={"evidence": checked.evidence}),
        }
    )
    store.adopt(measured, run=run, reason=checked.reason, why=(f"from {source}", *checked.why))
    return Imported(name, version, "adopted", checked.reason)


def _checked(entry: Entry, probes: ProbeSet | None, recheck: Recheck | None) -> Rechecked | str:
    """Return what checking gave, or why it could not be checked."""
    if recheck is None:
        return "nothing here can check it"
    if probes is None or not len(probes):
        return "there are no probes to check it on"
    try:
        return recheck(entry, probes)
    except RavelarError as error:
        return f"checking it failed: {type(error).__name__}: {error}"


def _forbidden(recipe: Recipe, allow: Collection[str]) -> Rechecked | None:
    """Return why a recipe from elsewhere may not be built, if it may not."""
    if isinstance(recipe, HubRecipe) and recipe.remote_code and recipe.repo not in allow:
        return Rechecked(False, f"it would run code of {recipe.repo}; allow that repository by name")
    if isinstance(recipe, RemoteRecipe) and recipe.url not in allow:
        return Rechecked(False, f"it would send prompts and completions to {recipe.url}; allow that address by name")
    if isinstance(recipe, WrittenRecipe) and not 0 < max(recipe.wall_s, recipe.cpu_s) <= _LONGEST_WALL_S:
        return Rechecked(
            False, f"it asks for {max(recipe.wall_s, recipe.cpu_s):g} s per call; {_LONGEST_WALL_S:g} at most"
        )
    return None
