"""The study's five task families; their true checks share no code with the reward tools."""

from ravelar.training.study.families.arithmetic import Arithmetic
from ravelar.training.study.families.family import Family, Question
from ravelar.training.study.families.notes import Notes
from ravelar.training.study.families.programs import Programs
from ravelar.training.study.families.sorting import Sorting
from ravelar.training.study.families.velo import Velo

FAMILIES: tuple[Family, ...] = (Arithmetic(), Sorting(), Velo(), Programs(), Notes())
BY_NAME = {family.name: family for family in FAMILIES}

__all__ = ["BY_NAME", "FAMILIES", "Family", "Question"]
