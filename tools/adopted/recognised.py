"""The recogniser of the tasks that were named in a store: fitted once per set of names, read back by all others."""

import hashlib

from ravelar.tools.adopted.names import StoredNames
from ravelar.tools.adopted.store import AdoptedStore
from ravelar.tools.recognition.recogniser import Recogniser
from ravelar.tools.recognition.router import TaskRouter

_KIND = "recognisers"


def recogniser_of(store: AdoptedStore) -> Recogniser:
    """Return what can be learned from the store's names.

    Fitting takes scikit-learn and seconds; the fitted snapshot is kept under the hash of the names it was made from,
    so that scoring processes only read it, and all of them the same one.
    """
    names = StoredNames(store).read()
    if not names:
        return Recogniser()
    key = hashlib.sha256("\n".join(sorted(example.id for example in names)).encode()).hexdigest()[:24]
    kept = store.read(_KIND, key)
    if kept is not None:
        return Recogniser.from_json(kept)
    fitted = Recogniser.fit(names)
    store.append(_KIND, key, fitted.to_json())
    return fitted


def router_of(store: AdoptedStore, names: list[str], recogniser: Recogniser | None = None) -> TaskRouter:
    """Return a router over the built-in rules, the adopted tools in use, and the names given so far.

    Args:
        store: The adopted tools.
        names: Names of all tools there are.
        recogniser: Who recognises tasks; None reads it from the store.
    """
    standings = store.standings().items()
    suspended = [name for name, standing in standings if standing.present in standing.suspended - standing.retired]
    return TaskRouter(recogniser or recogniser_of(store), list(store.active()), names=names, suspended=suspended)
