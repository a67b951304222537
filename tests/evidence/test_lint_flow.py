"""What the lint follows from input to verdict: numbers that may be NaN, patterns, names, helpers, conditions."""

# ruff: noqa: E501

import pytest

from ravelar.tools.evidence.lint import lint

NUMBER = "unguarded_number"
PATTERN = "evaluates_input"
VERDICT = "reference_is_verdict"
UNREAD = "completion_unread"


def rules(text: str, before: str = "") -> set[str]:
    """Lint a `verify` of this body, with something before it."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    source = f"import json, math, re\n{before}\ndef verify(prompt, completion, reference):\n{lines}"
    return {finding.rule for finding in lint(source)}


def expected(rule: str | None) -> set[str]:
    return {rule} if rule else set()


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("float(completion)", NUMBER),
        ("max(map(float, completion.split()))", NUMBER),
        ("max(json.loads(completion))", NUMBER),
        ("float(json.loads(completion)['x'])", NUMBER),
        ("float(completion.strip('0'))", NUMBER),
        ("float(completion.split('0')[0])", NUMBER),
        ("float(re.split(',', completion)[0])", NUMBER),
        ("float(re.sub(',', '', completion))", NUMBER),
        ("float(re.sub('[^0-9.]', '', completion))", None),
        ("float(re.split('[^0-9]', completion)[0])", None),
        ("float(re.search(r'[0-9.]+', completion).group())", None),
        ("float(re.search(pattern=r'[0-9.]+', string=completion).group())", None),
        ("json.loads(re.search(r'[0-9.]+', completion).group())", None),
        ("float(re.search(reference, completion).group())", NUMBER),
        ("len(json.loads(completion))", None),
        ("json.loads(completion).count(1)", None),
        ("int(float(completion))", None),
        ("json.loads(completion)['word'].strip()", None),
        ("completion.strip()", None),
    ],
)
def test_only_a_number_that_may_be_nan_needs_a_guard(value: str, rule: str | None) -> None:
    assert rules(f"return float({value} >= reference)") == expected(rule)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("if not math.isfinite(value):\n    return 0.0", None),
        ("if math.isnan(value) or math.isinf(value):\n    return 0.0", None),
        ("if math.isnan(value):\n    return 0.0", NUMBER),
        ("if not 0 < value < 10:\n    return 0.0", None),
        ("if not 0 < value <= 5 < 10:\n    return 0.0", None),
        ("if not completion.strip().isdigit():\n    return 0.0", None),
        ("if not re.fullmatch(r'-?[0-9]+', completion):\n    return 0.0", None),
        ("if not re.fullmatch(r'(-?[0-9]*)[a-z]*', completion):\n    return 0.0", NUMBER),
        ("if not re.fullmatch(reference, completion):\n    return 0.0", NUMBER),
        ("if not re.match(r'-?[0-9]+', completion):\n    return 0.0", NUMBER),
        ("if not completion == prompt:\n    return 0.0", NUMBER),
    ],
)
def test_what_is_a_guard_and_what_is_none(text: str, rule: str | None) -> None:
    assert rules(f"value = float(completion)\n{text}\nreturn float(value > 3)") == expected(rule)


def test_a_guard_that_is_imported_by_name_is_one() -> None:
    text = "value = float(completion)\nif not finite(value):\n    return 0.0\nreturn float(value > 3)"
    assert rules(text) == {NUMBER}
    assert rules(text.replace("finite", "isfinite"), "from math import isfinite\n") == set()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("return max(0.0, float(completion))", NUMBER),
        ("return max(0.0, float(re.search(r'[0-9]+', completion).group()))", None),
        ("return max(0.0, float(float(completion) == float(reference)))", None),
        ("return max(0.0, float(not float(completion)))", None),
        ("return max(0.0, -float(completion))", NUMBER),
        ("value = float(re.search(r'[0-9]+', completion).group())\nreturn float(value - 1 <= 0.5 * value)", NUMBER),
        ("value = float(re.search(r'[0-9]', str(len(completion))).group())\nreturn float(value <= 2 * value)", None),
        ("search = lambda _, text: text\nreturn float(float(search('0', completion)) > 1)", NUMBER),
        ("split = str.split\nreturn float(float(split(completion, '0')[0]) > 1)", NUMBER),
    ],
)
def test_an_infinity_is_feared_on_both_sides_only_and_a_nan_anywhere(text: str, rule: str | None) -> None:
    assert rules(text) == expected(rule)


@pytest.mark.parametrize(
    ("before", "text", "rule"),
    [
        ("DIGITS = re.compile(r'[0-9]+')\n", "DIGITS.search(completion).group()", None),
        ("DIGITS = re.compile(r'[0-9]+', re.ASCII)\n", "DIGITS.search(completion).group()", None),
        ("DIGITS: re.Pattern = re.compile(r'[0-9]+')\n", "DIGITS.search(completion).group()", None),
        ("DIGITS = r'[0-9]+'\n", "re.search(DIGITS, completion).group()", None),
        ("DIGITS = re.compile(r'[0-9a-z]+')\n", "DIGITS.search(completion).group()", NUMBER),
        ("OTHERS = re.compile(r'[^0-9]+')\n", "OTHERS.split(completion)[0]", None),
        ("SEEN = set()\nDIGITS = re.compile(r'[0-9]+')\n", "DIGITS.search(completion).group()", None),
        ("LIMIT, FORMS = 5, words('a b')\nDIGITS = '[0-9]+'\n", "re.search(DIGITS, completion).group()", None),
        ("DIGITS = OTHERS = '[0-9]+'\n", "re.search(DIGITS, completion).group()", NUMBER),
    ],
)
def test_a_pattern_of_the_module_is_known_by_its_name(before: str, text: str, rule: str | None) -> None:
    assert rules(f"return float(float({text}) > 3)", before) == expected(rule)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("bool(re.search(completion, reference))", PATTERN),
        ("bool(re.search(pattern=completion, string=reference))", PATTERN),
        ("bool(re.search('a' + re.escape(completion), reference))", None),
        ("bool(re.search(f'{re.escape(completion)}$', reference))", None),
        ("bool(re.search('|'.join(re.escape(word) for word in completion.split()), reference))", None),
        ("bool(re.search('|'.join(sorted(map(re.escape, completion.split()))), reference))", None),
        ("bool(re.search('|'.join(map(str.strip, completion.split())), reference))", PATTERN),
        ("bool(re.search('|'.join(word for word in completion.split()), reference))", PATTERN),
        ("bool(re.search(re.escape(completion).replace('x', ''), reference))", PATTERN),
        ("bool(re.search(re.escape(completion)[1:], reference))", PATTERN),
        ("bool(re.search(re.escape(completion) + completion, reference))", PATTERN),
        ("bool(re.search(reference, completion))", None),
    ],
)
def test_a_pattern_is_made_of_the_completion_only_where_it_is_escaped(text: str, rule: str | None) -> None:
    assert rules(f"return float({text})") == expected(rule)


def test_what_was_escaped_stays_so_by_whatever_name_it_goes() -> None:
    """Met in earnest: the names of a prompt's tables, by a name that the completion's words had elsewhere."""
    helper = """
def tables_in(text, schema):
    tables = "|".join(re.escape(table) for table in schema)
    if not any(table in schema for table in text.split()):
        return False
    return re.search("from (?:" + tables + ")", text) is not None
"""
    text = "schema = re.findall('create table (.+)', prompt)\nreturn float(tables_in(completion, schema))"
    assert rules(text, helper) == set()
    assert rules(text, helper.replace("re.escape(table)", "table")) == {PATTERN}


def chain(length: int, last: str) -> str:
    """Write helpers that call one another: f1 calls f2, and so on."""
    calls = "".join(f"def f{i}(text):\n    return f{i + 1}(text)\n" for i in range(1, length))
    return f"{calls}def f{length}(text):\n    return {last}\n"


def test_calls_are_followed_six_deep_and_further_down_a_value_is_made_of_what_it_was_given() -> None:
    for length, found in [(1, True), (6, True), (7, False)]:
        assert (NUMBER in rules("return float(f1(completion))", chain(length, "float(text) > 3"))) is found
    assert rules("return float(f1(completion) == reference)", chain(9, "text.strip()")) == set()


@pytest.mark.parametrize(
    ("before", "text", "rule"),
    [
        ("def number(text, base=10):\n    return float(text)\n", "number(completion) > 3", NUMBER),
        ("def number(text, base=10):\n    return float(text)\n", "number(base=2, text=completion) > 3", NUMBER),
        ("def number(text):\n    return float(text)\n", "max(map(number, completion.split())) > 3", NUMBER),
        ("def big(a, b=1):\n    return float(a) > 3\n", "any(map(big, completion.split()))", NUMBER),
        ("def big(*words):\n    return words\n", "list(map(big, completion.split())) == reference", None),
        ("def words(text):\n    for word in text.split():\n        yield float(word)\n", "max(words(completion)) > 3", NUMBER),
        ("def words(text):\n    if not text:\n        return\n    yield float(text)\n", "max(words(completion)) > 3", NUMBER),
        ("def words(text):\n    yield from json.loads(text)\n    yield\n", "max(words(completion)) > 3", NUMBER),
        ("def words(text):\n    return [w for w in text.split() if w.isdigit()]\n", "float(words(completion)[0]) > 3", None),
        ("def words(text):\n    return [w for w in text.split() if w.strip()]\n", "float(words(completion)[0]) > 3", NUMBER),
        ("def wraps(text):\n    def inner(word):\n        return float(word)\n    return inner(text)\n", "wraps(completion) > 3", NUMBER),
    ],
)  # fmt: skip
def test_helpers_are_read_with_what_they_are_given(before: str, text: str, rule: str | None) -> None:
    assert rules(f"return float({text})", before) == expected(rule)


def test_an_inner_function_sees_the_names_around_it_and_one_of_the_module_does_not() -> None:
    assert rules("def same():\n    return completion.strip() == reference\nreturn float(same())") == set()
    same = "def same():\n    return completion == reference\n"
    assert UNREAD in rules("return float(same())", same)


@pytest.mark.parametrize(
    "text",
    [
        "last = 0.0\nfor word in completion.split():\n    if last > 3:\n        return 1.0\n    last = float(word)\nreturn 0.0",
        "a = b = c = 0.0\nfor word in prompt:\n    a = b\n    b = c\n    c = float(completion)\nreturn float(a > 3)",
        "a = b = c = d = [0.0]\nfor word in prompt:\n    a = b\n    b = c\n    c = d\n    d = [float(w) for w in completion.split()]\nreturn float(max(a) > 3)",
        "match float(completion):\n    case value if value > 3:\n        return 1.0\nreturn 0.0",
        "match json.loads(completion):\n    case [first, *values] if values[0] > 3:\n        return 1.0\nreturn 0.0",
        "match json.loads(completion):\n    case {'x': 1, **values} if values['y'] > 3:\n        return 1.0\nreturn 0.0",
        "match [value := float(completion)]:\n    case _:\n        return float(value > 3)",
        "value: float = float(completion)\nreturn float(value > 3)",
        "value = 0.0\nvalue += float(completion)\nreturn float(value > 3)",
        "if (value := float(completion)) and value > 3:\n    return 1.0\nreturn 0.0",
        "while (value := float(completion)) > 3:\n    return 1.0\nreturn 0.0",
        "values = []\nfor word in completion.split():\n    values.append(float(word))\nreturn float(values[0] > 3)",
        "values = {}\nvalues['x'] = float(completion)\nreturn float(values['x'] > 3)",
        "a, *rest = prompt, reference, float(completion)\nreturn float(rest[-1] > 3)",
        "a, value = prompt, float(completion)\nreturn float(value > 3)",
        "with open_(float(completion)) as value:\n    return float(value > 3)",
        "pairs = {word: float(word) for word in completion.split()}\nreturn float(pairs['x'] > 3)",
        "def inner():\n    return 1\nvalue = float(completion)\nreturn float(value > inner())",
    ],
)  # fmt: skip
def test_a_number_is_followed_by_any_name_that_it_is_given(text: str) -> None:
    assert rules(text) == {NUMBER}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("wanted, text = float(reference), completion\nreturn wanted", True),
        ("score = 0.0\nif prompt:\n    if completion:\n        text = 'x'\n    score = float(bool(reference))\nreturn score", True),
        ("text = ''\nif completion:\n    text = 'x'\nscore = 1.0 if reference else 0.0\nreturn score", True),
        ("score = 0.0\nif prompt:\n    for word in completion:\n        text = word\n    score = 1.0 if reference else 0.5\nreturn score", True),
        ("if completion.strip() != reference['text']:\n    return 0.0\nreturn 1.0 if reference['exact'] else 0.5", False),
        ("label = reference\nscore = 0.0\nif completion.strip() == label:\n    score = 1.0\nreturn score", False),
        ("if completion.strip() == 'x':\n    return float(reference.isdigit())\nreturn 0.0", False),
        ("if completion.strip() == 'x':\n    return float(len(reference))\nreturn 0.0", False),
        ("if completion.strip() == 'x':\n    return float(reference.strip())\nreturn 0.0", True),
        ("def inner():\n    return 1\nif completion:\n    return float(reference)\nreturn 0.0", True),
    ],
)  # fmt: skip
def test_a_verdict_is_the_references_unless_the_completion_decided_on_it(text: str, found: bool) -> None:
    assert (VERDICT in rules(text)) is found


@pytest.mark.parametrize(
    "text",
    [
        "match completion.strip():\n    case 'yes':\n        return 1.0\n    case _:\n        return 0.0",
        "try:\n    int(completion)\nexcept ValueError:\n    return 0.0\nreturn 1.0",
        "try:\n    score = float(completion == reference)\nfinally:\n    pass\nreturn score",
        "for word in completion.split():\n    if word == reference:\n        return 1.0\nelse:\n    return 0.0",
        "while completion:\n    if completion == reference:\n        return 1.0\n    completion = completion[1:]\nreturn 0.0",
        "def inner():\n    return 1\nreturn float(completion == reference)",
        "class Kept:\n    pass\nreturn float(completion == reference)",
    ],
)
def test_returns_are_found_in_every_block(text: str) -> None:
    assert rules(text) == set()


def test_what_stands_behind_a_return_is_never_reached_and_hides_nothing() -> None:
    assert rules("return 1.0\nreturn float(completion == reference)") == {"constant_return", UNREAD}


@pytest.mark.parametrize(
    "text",
    [
        "return float(completion == reference and re.search())",
        "return float(completion == reference and re.findall(rb'[0-9]', completion.encode()))",
        "return float(completion == reference and map())",
        "return float(completion == reference and (lambda: 1)()())",
        "if completion == reference:\n    return\nreturn 0.0",
        "value: float\nreturn float(completion == reference)",
    ],
)
def test_calls_that_would_fail_are_read_like_any_other(text: str) -> None:
    assert rules(text) == set()
