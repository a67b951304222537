"""The families' true checks, each against brute force that works another way."""

import ast
import itertools
import random
from fractions import Fraction
from pathlib import Path

import pytest

from ravelar.training.study import families
from ravelar.training.study.families import BY_NAME, FAMILIES, Family
from ravelar.training.study.families.notes import ENDS, LIKED, OPENINGS, THANKS
from ravelar.training.study.families.velo import NOUNS, OBJECT, SUBJECT, VERBS


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_references_and_right_demonstrations_are_right_and_wrong_ones_are_wrong(family: Family) -> None:
    rng = random.Random(1)
    for question in family.questions():
        assert family.right(question, question.reference)
        assert family.right(question, family.demonstration(question, rng, right=True))
        assert not family.right(question, family.demonstration(question, rng, right=False))
        assert not family.right(question, "")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_questions_are_the_same_at_every_call_and_no_two_are_alike(family: Family) -> None:
    assert family.questions() == family.questions()
    prompts = [question.prompt for question in family.questions()]
    assert len(set(prompts)) == len(prompts) > 100


def test_a_sum_is_right_in_whatever_form_python_reads_as_its_value() -> None:
    family = BY_NAME["arithmetic"]
    question = next(question for question in family.questions() if question.prompt == "what is 12+34?")
    numerals = [
        f"{sign}{whole}{rest}" for sign in ("", "+") for whole in range(40, 52) for rest in ("", ".0", ".5", "/1")
    ]
    for numeral in [*numerals, "92/2", "46.00", "-46", "138/3", "93/2"]:
        value = (
            Fraction(numeral.lstrip("+")) if "/" not in numeral else Fraction(*map(int, numeral.lstrip("+").split("/")))
        )
        assert family.right(question, numeral) == (value == 46), numeral
    for no_numeral in ("46 ", " 46"):
        assert family.right(question, no_numeral)
    for no_numeral in ("46/0", "4 6", "46!", "forty-six", "46/", "0x2e", "46.", "++46"):
        assert not family.right(question, no_numeral), no_numeral


def test_one_arrangement_of_the_letters_is_sorted() -> None:
    family = BY_NAME["sorting"]
    question = family.questions()[7]
    letters = question.prompt.split()[1].rstrip(":")
    tries = ["".join(said) for n in range(1, 6) for said in itertools.product(sorted(letters), repeat=n)]
    assert [said for said in tries if family.right(question, said)] == ["".join(sorted(letters))]


def test_every_order_of_the_right_words_is_a_translation_and_nothing_else() -> None:
    family = BY_NAME["translation"]
    words = [stem + ending for stem in NOUNS.values() for ending in (SUBJECT, OBJECT)] + list(VERBS.values())
    for question in random.Random(2).sample(list(family.questions()), 3):
        subject, verb, thing = question.prompt.removeprefix("velo: ").split()
        wanted = {NOUNS[subject] + SUBJECT, VERBS[verb], NOUNS[thing] + OBJECT}
        for n in (2, 3):
            for said in itertools.product(words, repeat=n):
                assert family.right(question, " ".join(said)) == (n == 3 and set(said) == wanted)


def test_programs_undone_backwards_are_right_where_running_them_forwards_builds_the_word() -> None:
    family = BY_NAME["programs"]
    asked = {question.prompt.split()[1]: question for question in family.questions()}
    for length in range(1, 6):
        for steps in itertools.product("xyzdr", repeat=length):
            built = ""
            for step in steps:
                built = (
                    built + built if step == "d" else built[::-1] if step == "r" else built + "abc"["xyz".index(step)]
                )
            if built in asked:
                assert family.right(asked[built], "".join(steps))
            for word in ("abab", "aaa"):
                assert family.right(asked[word], "".join(steps)) == (built == word)


def test_a_program_of_more_than_ten_steps_is_not_right() -> None:
    family = BY_NAME["programs"]
    question = next(question for question in family.questions() if question.prompt == "code abc")
    assert family.right(question, "xyz" + "rr" * 3)
    assert not family.right(question, "xyz" + "rr" * 4)


def test_a_note_is_liked_for_the_sum_of_its_parts() -> None:
    family = BY_NAME["notes"]
    question = next(question for question in family.questions() if question.prompt == "thank ada for tea")
    for name, opening, thanks, end in itertools.product(("ada", "bob"), OPENINGS, THANKS, ENDS):
        merit = OPENINGS[opening] + THANKS[thanks] + ENDS[end]
        wrong_name = name != "ada" and "{}" in opening
        note = opening.format(name) + thanks + end
        assert family.merit(question, note) == merit - 2.0 * wrong_name
        assert family.right(question, note) == (merit - 2.0 * wrong_name >= LIKED)
    for no_note in ("hi ada thanks.", "hi ada: thanks.", "thanks.", "hi ada, thanks..", "hi ada, thanks. thanks."):
        assert not family.right(question, no_note), no_note


def test_the_true_checks_share_no_code_with_the_reward_tools() -> None:
    for path in Path(families.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ravelar"):
                assert node.module is not None
                assert node.module.startswith("ravelar.training.study.families"), (path.name, node.module)
