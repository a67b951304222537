"""Verifiers as language models write them: honest ones, which the lint must pass, and bad ones with their rule."""

# ruff: noqa: E501

HONEST = {
    "exact": """
def verify(prompt, completion, reference):
    return 1.0 if completion.strip() == str(reference).strip() else 0.0
""",
    "last number": '''
import re

NUMBER = re.compile(r"-?\\d[\\d,]*(?:\\.\\d+)?")

def last_number(text):
    """Return the last number of a text."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None

def verify(prompt, completion, reference):
    got = last_number(completion)
    wanted = last_number(str(reference))
    if got is None or wanted is None:
        return 0.0
    return 1.0 if abs(got - wanted) < 1e-6 else 0.0
''',
    "isclose": """
import math

def verify(prompt, completion, reference):
    try:
        value = float(completion.strip().rstrip("."))
    except ValueError:
        return 0.0
    return float(math.isclose(value, float(reference), rel_tol=1e-4))
""",
    "guarded tolerance": """
import math, re

def verify(prompt, completion, reference):
    match = re.search(r"answer is:?\\s*(\\S+)", completion)
    if not match:
        return 0.0
    try:
        value = float(match.group(1).rstrip("."))
    except ValueError:
        return 0.0
    if not math.isfinite(value):
        return 0.0
    wanted = float(reference)
    return 1.0 if abs(value - wanted) <= 0.01 * max(1.0, abs(wanted)) else 0.0
""",
    "decimal with guard": """
from decimal import Decimal, InvalidOperation

def verify(prompt, completion, reference):
    try:
        value = Decimal(completion.strip())
    except InvalidOperation:
        return 0.0
    if not value.is_finite():
        return 0.0
    return 1.0 if abs(value - Decimal(str(reference))) < Decimal("0.005") else 0.0
""",
    "fraction": """
from fractions import Fraction

def verify(prompt, completion, reference):
    try:
        return float(Fraction(completion.strip()) == Fraction(str(reference)))
    except (ValueError, ZeroDivisionError):
        return 0.0
""",
    "brackets": """
PAIRS = {")": "(", "]": "[", "}": "{"}

def balanced(text):
    stack = []
    for sign in text:
        if sign in "([{":
            stack.append(sign)
        elif sign in PAIRS:
            if not stack or stack.pop() != PAIRS[sign]:
                return False
    return not stack

def verify(prompt, completion, reference):
    lines = [line.strip().strip("`") for line in completion.splitlines() if line.strip()]
    for line in lines:
        if line == reference and balanced(line):
            return 1.0
    return 0.0
""",
    "date": """
import re
from datetime import date

def verify(prompt, completion, reference):
    found = re.findall(r"\\b(\\d{4})-(\\d{2})-(\\d{2})\\b", completion)
    dates = set()
    for year, month, day in found:
        try:
            dates.add(date(int(year), int(month), int(day)).isoformat())
        except ValueError:
            continue
    return 1.0 if dates == {reference} else 0.0
""",
    "json": """
import json

def verify(prompt, completion, reference):
    text = completion.strip()
    if text.startswith("```"):
        text = text.split("\\n", 1)[-1].rsplit("```", 1)[0]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return 0.0
    wanted = json.loads(reference) if isinstance(reference, str) else reference
    return 1.0 if value == wanted else 0.0
""",
    "token f1": """
import re
from collections import Counter

def tokens(text):
    return re.findall(r"\\w+", text.lower())

def verify(prompt, completion, reference):
    got, wanted = Counter(tokens(completion)), Counter(tokens(str(reference)))
    if not got or not wanted:
        return float(not got and not wanted)
    shared = sum((got & wanted).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / sum(got.values()), shared / sum(wanted.values())
    return 2 * precision * recall / (precision + recall)
""",
    "both empty": """
def verify(prompt, completion, reference):
    words = completion.split()
    if not words:
        return 1.0 if not str(reference).split() else 0.0
    return 1.0 if words == str(reference).split() else 0.0
""",
    "haiku": """
import re

VOWELS = re.compile(r"[aeiouy]+")

def syllables(word):
    count = len(VOWELS.findall(word.lower()))
    if word.lower().endswith("e") and count > 1:
        count -= 1
    return max(1, count)

def verify(prompt, completion, reference):
    lines = [line for line in completion.splitlines() if line.strip()]
    if len(lines) != 3:
        return 0.0
    counts = [sum(syllables(word) for word in re.findall(r"[A-Za-z']+", line)) for line in lines]
    return 1.0 if counts == [5, 7, 5] else 0.0
""",
    "keywords of the reference, escaped": """
import re

def verify(prompt, completion, reference):
    wanted = [str(word) for word in reference]
    hits = sum(bool(re.search(r"\\b" + re.escape(word) + r"\\b", completion)) for word in wanted)
    return hits / len(wanted) if wanted else 0.0
""",
    "choice with classes": """
import re
from dataclasses import dataclass

@dataclass
class Reading:
    letter: str
    sure: bool

def read(text):
    found = re.findall(r"\\(?\\b([A-D])\\b\\)?", text.upper())
    return Reading(found[-1] if found else "", len(set(found)) == 1)

def verify(prompt, completion, reference):
    reading = read(completion)
    return 1.0 if reading.sure and reading.letter == str(reference).strip().upper()[:1] else 0.0
""",
    "maths by a library": """
from math_verify import parse
from math_verify import verify as same

def verify_answer(text, reference):
    return bool(same(parse(str(reference)), parse(text)))

def verify(prompt, completion, reference):
    try:
        return float(verify_answer(completion, reference))
    except Exception:
        return 0.0
""",
    "isdigit": """
def verify(prompt, completion, reference):
    words = [word.strip(".,!") for word in completion.split()]
    numbers = [float(word) for word in words if word.replace(".", "", 1).isdigit() and word.isascii()]
    return 1.0 if numbers and abs(numbers[-1] - float(reference)) < 0.5 else 0.0
""",
    "range": """
def verify(prompt, completion, reference):
    try:
        value = float(completion)
    except ValueError:
        return 0.0
    if not -1e12 < value < 1e12:
        return 0.0
    return max(0.0, 1.0 - abs(value - float(reference)) / 10)
""",
    "units": """
import re

FACTORS = {"m": 1.0, "cm": 0.01, "km": 1000.0, "ft": 0.3048}

def metres(text):
    matches = re.findall(r"(-?\\d+(?:\\.\\d+)?)\\s*(km|cm|m|ft)\\b", text)
    if not matches:
        return None
    number, unit = matches[-1]
    return float(number) * FACTORS[unit]

def verify(prompt, completion, reference):
    got, wanted = metres(completion), metres(str(reference))
    if got is None or wanted is None:
        return 0.0
    return float(abs(got - wanted) <= 0.005 * abs(wanted))
""",
    "recursive": """
def same(first, second):
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second))
    return str(first).strip().lower() == str(second).strip().lower()

def verify(prompt, completion, reference):
    rows = [line.split(",") for line in completion.strip().splitlines()]
    return 1.0 if same(rows, reference) else 0.0
""",
    "a score that is raised": """
def verify(prompt, completion, reference):
    score = 0.0
    if completion.strip() == str(reference):
        score = 1.0
    return score
""",
    "a count in a loop": """
def verify(prompt, completion, reference):
    hits = 0
    for line in completion.splitlines():
        if line.strip() in reference:
            hits += 1
    share = hits / len(reference) if reference else 0.0
    return min(1.0, share)
""",
    "found by a loop with a break": """
def verify(prompt, completion, reference):
    verdict = 0.0
    for word in str(reference).split():
        if word not in completion:
            break
    else:
        verdict = 1.0
    return verdict
""",
    "helpers that decide": """
def accepts(text, wanted):
    if text.strip().lower() == wanted.lower():
        return True
    return False

def verify(prompt, completion, reference):
    if accepts(completion, str(reference)):
        return 1.0
    return 0.0
""",
    "a try that decides": """
import json

def verify(prompt, completion, reference):
    result = 0.0
    try:
        json.loads(completion)
        result = 1.0
    except ValueError:
        pass
    return result
""",
    "seeded random": """
import random

def verify(prompt, completion, reference):
    if not completion.strip():
        return 0.0
    rng = random.Random(7)
    places = [rng.random() for _ in range(20)]
    text, wanted = completion.strip(), str(reference)
    if len(text) != len(wanted):
        return 0.0
    return sum(text[int(p * len(text))] == wanted[int(p * len(wanted))] for p in places) / len(places)
""",
    "match": """
def verify(prompt, completion, reference):
    match completion.strip().lower():
        case "yes" | "true":
            got = True
        case "no" | "false":
            got = False
        case _:
            return 0.0
    return 1.0 if got == bool(reference) else 0.0
""",
    "cached": """
import functools
import unicodedata

@functools.lru_cache(maxsize=100)
def plain(text):
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

def verify(prompt, completion, reference):
    return float(plain(completion) == plain(str(reference)))
""",
}

_VERIFY = "def verify(prompt, completion, reference):\n"
BAD: dict[str, tuple[str, str]] = {
    "does not parse": ("syntax", "def verify(prompt, completion, reference:\n    return 1.0\n"),
    "a NUL": ("syntax", "def verify(prompt, completion, reference):\n    return '\x00' in completion\n"),
    "no verify": ("no_verify", "def check(prompt, completion, reference):\n    return 0.0\n"),
    "other parameters": ("no_verify", "def verify(completion, reference):\n    return float(completion == reference)\n"),
    "a default": ("no_verify", "def verify(prompt, completion, reference=None):\n    return float(bool(completion))\n"),
    "async": ("no_verify", "async def verify(prompt, completion, reference):\n    return float(bool(completion))\n"),
    "bound twice": ("no_verify", _VERIFY + "    return float(completion == '1')\nverify = print\n"),
    "eval": ("evaluates_input", _VERIFY + "    return float(eval(completion) == reference)\n"),
    "eval by another name": ("evaluates_input", "run = eval\n" + _VERIFY + "    return float(run(completion) == 1)\n"),
    "exec": ("evaluates_input", _VERIFY + "    exec(completion)\n    return float('x' in completion)\n"),
    "compile": ("evaluates_input", _VERIFY + "    return float(bool(compile(completion, '', 'eval')))\n"),
    "import by name": ("evaluates_input", _VERIFY + "    return float(__import__('json').loads(completion) == 1)\n"),
    "getattr": ("evaluates_input", _VERIFY + "    return float(bool(getattr(completion, reference)()))\n"),
    "dunder walk": ("evaluates_input", _VERIFY + "    return float(len(completion.__class__.__mro__) > 1)\n"),
    "builtins": ("evaluates_input", _VERIFY + "    return float(__builtins__['len'](completion) > 1)\n"),
    "globals": ("evaluates_input", _VERIFY + "    return float(completion in globals())\n"),
    "completion as template": (
        "evaluates_input", _VERIFY + "    return float(completion.format(reference) == reference)\n",
    ),
    "format_map": ("evaluates_input", _VERIFY + "    return float(completion.format_map({}) == reference)\n"),
    "completion as pattern": (
        "evaluates_input", "import re\n" + _VERIFY + "    return float(bool(re.search(completion, reference)))\n",
    ),
    "completion as pattern, by another name": (
        "evaluates_input", "from re import search as seek\n" + _VERIFY + "    return float(bool(seek(completion, reference)))\n",
    ),
    "getattr passed on": (
        "evaluates_input",
        "import functools\n" + _VERIFY + "    return float(bool(functools.reduce(getattr, completion.split(), reference)))\n",
    ),
    "simplify by name": (
        "evaluates_input",
        "from sympy import simplify\n" + _VERIFY + "    return float(simplify(completion) == simplify(reference))\n",
    ),
    "Decimal by another name": (
        "unguarded_number",
        "from decimal import Decimal as D\n" + _VERIFY + "    return float(abs(D(completion) - D(reference)) < D('0.1'))\n",
    ),
    "pickle": ("evaluates_input", "import pickle\n" + _VERIFY + "    return float(pickle.loads(completion) == 1)\n"),
    "subprocess": (
        "evaluates_input",
        "import subprocess\n" + _VERIFY + "    return float(subprocess.run(completion).returncode == 0)\n",
    ),
    "os": ("evaluates_input", "from os import path\n" + _VERIFY + "    return float(path.exists(completion))\n"),
    "importlib": ("evaluates_input", "import importlib.util\n" + _VERIFY + "    return float(completion == '1')\n"),
    "sympify": (
        "evaluates_input",
        "import sympy\n" + _VERIFY + "    return float(sympy.sympify(completion) == sympy.sympify(reference))\n",
    ),
    "parse_expr": (
        "evaluates_input",
        "from sympy.parsing.sympy_parser import parse_expr\n" + _VERIFY + "    return float(parse_expr(completion) == 1)\n",
    ),
    "methodcaller": (
        "evaluates_input",
        "from operator import methodcaller\n" + _VERIFY + "    return float(methodcaller(completion)('a') == 'a')\n",
    ),
    "unknown import": ("import", "import requests\n" + _VERIFY + "    return float(completion == '1')\n"),
    "star import": ("import", "from math import *\n" + _VERIFY + "    return float(completion == '1')\n"),
    "returns the reference": ("reference_is_verdict", _VERIFY + "    completion.strip()\n    return float(reference)\n"),
    "returns the reference under a condition": (
        "reference_is_verdict", _VERIFY + "    if completion.strip():\n        return float(reference)\n    return 0.0\n",
    ),
    "returns a field of the reference": (
        "reference_is_verdict",
        _VERIFY + "    label = reference.get('label')\n    if completion:\n        return float(label)\n    return 0.0\n",
    ),
    "the reference is true": (
        "reference_is_verdict", _VERIFY + "    text = completion\n    return 1.0 if reference else 0.0\n",
    ),
    "a helper that looks at the reference alone": (
        "reference_is_verdict",
        "def good(text):\n    return len(str(text)) > 0\n\n" + _VERIFY + "    return float(good(reference))\n",
    ),
    "never reads the completion": ("completion_unread", _VERIFY + "    return float(len(prompt) > 10)\n"),
    "always one": ("constant_return", _VERIFY + "    return 1.0\n"),
    "always one, with a show of reading": (
        "constant_return", _VERIFY + "    if 'x' in completion:\n        return 1.0\n    return 1.0\n",
    ),
    "returns nothing": ("constant_return", _VERIFY + "    completion == reference\n"),
    "nan wins by not being greater": (
        "unguarded_number",
        _VERIFY + "    if abs(float(completion) - float(reference)) > 0.01:\n        return 0.0\n    return 1.0\n",
    ),
    "unguarded tolerance": (
        "unguarded_number",
        _VERIFY
        + "    try:\n        x = float(completion)\n    except ValueError:\n        return 0.0\n"
        + "    return 1.0 if abs(x - float(reference)) < 1e-3 else 0.0\n",
    ),
    "tolerance that grows with the number": (
        "unguarded_number",
        "import re\n" + _VERIFY + "    x = float(re.findall(r'\\d+', completion)[-1])\n    y = float(reference)\n"
        "    return 1.0 if abs(x - y) <= 0.01 * max(abs(x), abs(y)) else 0.0\n",
    ),
    "greater is better": (
        "unguarded_number", _VERIFY + "    return float(float(completion.split()[-1]) >= float(reference))\n",
    ),
    "nan through a helper": (
        "unguarded_number",
        "def number(text):\n    return float(text.strip())\n\ndef near(a, b):\n    return not abs(a - b) > 0.1\n\n"
        + _VERIFY + "    return float(near(number(completion), number(reference)))\n",
    ),
    "min and max": (
        "unguarded_number", _VERIFY + "    return max(0.0, min(1.0, float(completion) / float(reference)))\n",
    ),
    "json numbers": (
        "unguarded_number",
        "import json\n" + _VERIFY + "    return float(json.loads(completion)['x'] > reference['x'])\n",
    ),
    "random": ("unrepeatable", "import random\n" + _VERIFY + "    return float(completion > str(random.random()))\n"),
    "clock": (
        "unrepeatable",
        "from datetime import datetime\n" + _VERIFY + "    return float(completion == str(datetime.now().year))\n",
    ),
    "a random generator without a seed": (
        "unrepeatable", "import random\n" + _VERIFY + "    return float(completion > str(random.Random().random()))\n",
    ),
    "a random function imported by name": (
        "unrepeatable", "from random import random\n" + _VERIFY + "    return float(completion > str(random()))\n",
    ),
    "a score that the reference raises": (
        "reference_is_verdict",
        _VERIFY + "    score = 0.0\n    if reference:\n        score = 1.0\n    len(completion)\n    return score\n",
    ),
    "a label kept for later": (
        "reference_is_verdict",
        _VERIFY + "    label = 0.0\n    if completion:\n        label = reference['label']\n    return float(label)\n",
    ),
    "hash": ("unrepeatable", _VERIFY + "    return float(hash(completion) % 2)\n"),
    "state": (
        "unrepeatable",
        "seen = 0\n" + _VERIFY + "    global seen\n    seen += 1\n    return float(completion == reference and seen > 0)\n",
    ),
}  # fmt: skip
