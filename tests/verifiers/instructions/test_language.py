"""How often the language is named rightly; the counts are published in docs/ifeval.md."""

import json
import sys
import threading
from pathlib import Path

import pytest

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.reward import Triple
from ravelar.tools.verifiers.instructions import Instructions, language
from ravelar.tools.verifiers.instructions.language import detect
from ravelar.tools.verifiers.instructions.scripts import BY_SCRIPT, LANGUAGES, main_script, primary_code

SAMPLES = json.loads(Path(__file__).with_name("language_samples.json").read_text(encoding="utf-8"))
CASES = [str, str.lower, str.upper]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("code", SAMPLES)
def test_every_hand_written_sentence_is_in_its_language_in_any_case(code, case):
    assert [detect(case(sentence)) for sentence in SAMPLES[code]] == [code] * 5


def test_samples_cover_every_language_that_ifeval_asks_for(shared_rows):
    asked = {
        kwargs["language"]
        for row in shared_rows("ifeval/ifeval")
        for kwargs in row["kwargs"]
        if kwargs.get("language") is not None
    }
    assert asked <= SAMPLES.keys()


@pytest.mark.parametrize(
    ("file", "column", "code", "misnamed"),
    [
        ("wmt21ted/ende", "source", "en", 0),
        ("wmt21ted/ende", "ref", "de", 4),
        ("wmt21ted/zhen", "source", "zh", 0),
        ("wmt21ted/zhen", "ref", "en", 5),
        ("gsm8k/train", "question", "en", 0),
        ("c3ebench/chinese", "reference", "zh", 0),
        ("c3ebench/english", "reference", "en", 0),
    ],
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.slow
def test_real_text_is_misnamed_no_more_often_than_published(shared_rows, file, column, code, misnamed, case):
    texts = [row[column] for row in shared_rows(file)]
    wrong = [text[:80] for text in texts if detect(case(text)) != code]
    assert len(wrong) <= misnamed, wrong


@pytest.mark.parametrize("text", ["", "123 456", "!!! ???", "\x00\x01", "\ud800", "😀😀"])
def test_text_without_letters_shows_no_language(text):
    assert detect(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("头两个项目是MacroBot和DeciBot。", "zh"),
        ("この本は Python の本です", "ja"),
        ("নাম [name] এবং ঠিকানা লিখুন", "bn"),
        ("মই অসমীয়া ভাষা কওঁ আৰু লিখোঁ।", "as"),
    ],
)
def test_script_of_most_characters_decides_in_mixed_text(text, code):
    assert detect(text) == code


def test_codes_are_taken_without_their_region():
    assert [primary_code(code) for code in ("zh-cn", "pt_BR", "DE", "iw", "nb")] == ["zh", "pt", "de", "he", "no"]


def test_each_language_belongs_to_one_script_and_each_script_has_one():
    assert sum(map(len, BY_SCRIPT.values())) == len(LANGUAGES)
    assert main_script({"a": 1, "я": 2}) == "Cyrillic"


def test_threads_agree_and_repeat_themselves():
    found = []
    text = SAMPLES["sw"][0]
    threads = [threading.Thread(target=lambda: found.append(detect(text))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["sw"] * 8


def test_missing_library_leaves_only_the_language_instructions_unscored(monkeypatch):
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    language._load.cache_clear()
    german = {"instruction_id_list": ["language:response_language"], "kwargs": [{"language": "de"}]}
    comma = {"instruction_id_list": ["punctuation:no_comma"]}
    error, scored = Instructions().score([Triple("", "Guten Tag", german), Triple("", "Hi", comma)])
    language._load.cache_clear()
    assert isinstance(error, ToolUnavailable)
    assert "py3langid" in str(error)
    assert scored.raw == 1.0
