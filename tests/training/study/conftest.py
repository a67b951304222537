"""A kit that was hardly taught: enough to run everything, in seconds."""

import pytest

from ravelar.training.study.kit import Kit, KitSize, prepare
from ravelar.training.study.quiet import quieten

HARDLY = KitSize(warm_steps=12, notes_steps=2, all_steps=2, samples=2, pairs=20)


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """A prepared kit of seed 1."""
    pytest.importorskip("trl", reason="the study trains, with the extra `train`")
    quieten()
    made = Kit(1, tmp_path_factory.mktemp("study") / "seed-1")
    prepare(made, HARDLY)
    return made
