"""Multiple choice: what counts as the final choice, and what makes a reference unusable."""

import pytest

from ravelar.tools.errors import UnusablePrompt, UnusableReference
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.verifiers.choice import Choice

QUESTION = "What is the capital of France?\nA) London\nB) Paris\nC) Rome\nD) Berlin"


def chosen(completion: str, reference: object = "B", question: str = QUESTION, **columns: object) -> float:
    [score] = Choice().score([Triple(question, completion, reference, columns)])
    assert isinstance(score, Scored), score
    return score.raw


RIGHT = [
    r"\boxed{B}",
    r"$\boxed{\text{B}}$",
    r"\boxed{\text{(B) Paris}}",
    r"\boxed{\text{Paris}}",
    r"therefore the answer is: \(\boxed{B}\)",
    "Answer: B",
    "Answer:B",
    "ANSWER: B",
    "answer: b",
    "Answer B",
    "My answer: (B)",
    "The answer is (B) Paris",
    "The answer is B. Paris",
    "The answer is Paris.",
    "The answer is $B$.",
    "The answer is **B) Paris**.",
    "**Answer:** B",
    "**Answer: B**",
    "**The answer is B.**\nI hope this helps!",
    "### Answer\nB",
    "Final Answer:\n\n**B) Paris**",
    "The correct option is **B**.",
    "The best answer is option B: Paris.",
    "The answer should be: B) Paris",
    "The correct answer is indeed B.",
    "<answer>B</answer>",
    "<answer>Paris</answer>",
    "**B**",
    "B",
    "b",
    "(b)",
    "[B]",
    '"B"',
    "B.",
    "B) Paris",
    "Paris",
    "paris.",
    "B\n\nParis has been the capital since 987.",
    "B. Paris is the capital.",
    "B is correct.",
    "Option B is the correct answer.",
    "B is the right choice, since A is London.",
    "I would go with B.",
    "I choose option (B).",
    "It's B.",
    "I think it is Paris.",
    "So the answer must be B",
    "The answer is B, not A.",
    "The final answer is B because A is wrong.",
    "A is tempting, C too. The answer is B",
    "A) London is in the UK.\nB) Paris is in France.\nC) Rome is in Italy.\n\nAnswer: B",
    "The answer isn't A. The answer is B.",
    "The answer is A. Wait, no. The answer is B.",
    "The answer is A? No: I choose B",
    "Answer: B\n\nExplanation: London (A) is wrong.",
    "<think>A? The answer is C.</think>The answer is B.",
    "**Correct answer: B) Paris**\n\nA) London is the capital of the UK.",
    "The correct answer is **B) Paris**.\n\nExplanation:\n- A) London is in the UK.\n- C) Rome is in Italy.",
    "So, the answer is:\n\nB) Paris",
    "My final choice is option B",
    "Therefore, option B.",
    "B is the answer.",
    "Ans: B",
    "I’m going with B.",
    '{"answer": "B"}',
    '{"reasoning": "A is in the UK", "answer": "B"}',
    "答案：B",
    "答案是B。",
    "答案为（B）",
    "正确答案是B选项",
    "选B",
    "故选B。",
    "因此选择 B",
    "选Ｂ",
    "选项B是正确的",
]

WRONG = [
    "",
    "A",
    r"\boxed{A}",
    "I am not sure",
    "None of the above",
    "Both",
    "The answer is not B",
    "The answer isn't B",
    "The answer is B. Actually, the answer is A.",
    "The answer is B) London",
    "A or B",
    "A, B",
    "B, C",
    "(A) or (B)",
    "Either A or B",
    "A\nB",
    "A B C D",
    "ABCD",
    "Answer: ABCD",
    "Answer: A/B",
    "Answer: B & C",
    "Answer: B and C",
    "Answer: (B), (C)",
    "Answer: B or answer: C",
    "The answer is A or B",
    "The answer is A, B",
    "The answer is B or maybe A",
    "The answer is A and B are both right",
    "The answer is Paris or London",
    "The answer is (A) London or (B) Paris",
    "A or B or C or D: B",
    r"\boxed{A, B}",
    r"\boxed{A} or \boxed{B}",
    "A) London\nB) Paris",
    "A) London\nB) Paris\nC) Rome\nD) Berlin",
    "A nice question about B vitamins",
    "Because B-52s are planes",
    "B's",
    "Parisian",
    "The answer is Parisian",
    "The answer is London. I think Paris is nice",
    "<think>The answer is B.",
    '{"answer": "A"}',
    '{"answer": ["A", "B"]}',
    "So B or C.",
    "B is the answer, or A is the answer.",
    "答案：AB",
    "答案：A、B",
    "答案是A或B",
    "不选B",
]


@pytest.mark.parametrize("completion", RIGHT)
def test_right_choice_is_accepted(completion: str) -> None:
    assert chosen(completion) == 1.0


@pytest.mark.parametrize("completion", WRONG)
def test_wrong_missing_or_hedged_choice_is_rejected(completion: str) -> None:
    assert chosen(completion) == 0.0


@pytest.mark.parametrize(
    "completion",
    ["A nice question.", "I think so.", "a", "The answer is a matter of taste.", "The answer is I think unknown."],
)
def test_articles_and_pronouns_are_no_choice(completion: str) -> None:
    question = "Which?\n" + "\n".join(f"{letter}) x{letter}" for letter in "ABCDEFGHI")
    assert chosen(completion, "I", question) == 0.0
    assert chosen(completion, "A", question) == (1.0 if completion == "a" else 0.0)


def test_capital_article_letter_is_still_a_choice_when_it_stands_alone() -> None:
    assert chosen("The answer is A because of fog.", "A") == 1.0
    assert chosen("The answer is A.", "A") == 1.0
    assert chosen("The answer is A London", "A") == 1.0


@pytest.mark.parametrize("reference", ["B", "b", "(B)", "B.", "Paris", "paris", "B) Paris"])
def test_reference_may_be_label_text_or_both(reference: str) -> None:
    assert chosen("The answer is B", reference) == 1.0
    assert chosen("The answer is C", reference) == 0.0


def test_integer_reference_counts_the_option_list_from_zero() -> None:
    cities = ["London", "Paris", "Rome"]
    assert chosen("B", 1, "Capital?", options=cities) == 1.0
    assert chosen("A", 0, "Capital?", choices=cities) == 1.0
    assert chosen("A", 1, "Capital?", options=cities) == 0.0


def test_integer_reference_that_is_an_option_text_in_the_prompt_names_it() -> None:
    assert chosen("The answer is 5", 5, "2+3?\nA) 4\nB) 5") == 1.0


def test_options_column_wins_over_the_prompt() -> None:
    assert chosen("Paris", "A", QUESTION, options={"A": "Paris", "B": "London"}) == 1.0


def test_digit_labels_are_chosen_by_digit() -> None:
    column = {"label": ["1", "2", "3"], "text": ["Sun", "Moon", "Mars"]}
    assert chosen("The answer is 2.", "2", "Nearest?", choices=column) == 1.0
    assert chosen("The answer is 2.5", "2", "Nearest?", choices=column) == 0.0
    assert chosen("Moon", "2", "Nearest?", choices=column) == 1.0


def test_options_that_are_letters_or_numbers_are_told_from_labels() -> None:
    blood = "Blood type?\nA) O\nB) AB\nC) 5\nD) 50"
    assert chosen("The answer is AB.", "B", blood) == 1.0
    assert chosen("The answer is 50", "D", blood) == 1.0
    assert chosen("The answer is 5", "C", blood) == 1.0
    assert chosen("The answer is 5.5", "C", blood) == 0.0


def test_longest_matching_option_text_is_the_choice() -> None:
    question = "Which?\nA) New York\nB) New York, Texas"
    assert chosen("The answer is New York, Texas.", "B", question) == 1.0
    assert chosen("The answer is New York.", "A", question) == 1.0


def test_letter_is_judged_even_where_no_options_are_visible() -> None:
    assert chosen("The answer is C.", "C", "See the picture.") == 1.0
    assert chosen("The answer is D.", "C", "See the picture.") == 0.0


@pytest.mark.parametrize("reference", [None, "", " ", "E", "Madrid", "AB", True, 1.0, 9, -1, {"a": 1}, ["B"]])
def test_reference_that_names_no_option_is_unusable(reference: object) -> None:
    [score] = Choice().score([Triple(QUESTION, "B", reference)])
    assert isinstance(score, UnusableReference)
    assert "allowed" in str(score)


def test_integer_that_is_both_an_index_and_another_options_text_is_unusable() -> None:
    [score] = Choice().score([Triple("?", "B", 1, {"options": ["1", "2"]})])
    assert isinstance(score, UnusableReference)


def test_text_reference_without_any_options_is_an_unusable_prompt() -> None:
    [score] = Choice().score([Triple("Capital of France?", "Paris", "Paris")])
    assert isinstance(score, UnusablePrompt)


LOWER = "Water boils at\n(a) 90 °C\n(b) 100 °C\n(c) 110 °C"


@pytest.mark.parametrize(
    "completion",
    ["It is (b) or (c).", "Answer: b or c", "Answer: (b), (c)", "I think (b) or (c)", "b and c", "option c"],
)
def test_options_in_lower_case_that_are_joined_or_wrong_are_refused(completion):
    assert Choice().score([Triple(LOWER, completion, "b")])[0].raw == 0.0


@pytest.mark.parametrize("completion", ["I think (b)", "option b", "The answer is b) or a friend would know", "(b)."])
def test_options_in_lower_case_are_read(completion):
    assert Choice().score([Triple(LOWER, completion, "b")])[0].raw == 1.0
