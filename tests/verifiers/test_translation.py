"""chrF and BLEU of single segments."""

import functools

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RewardTool, Scored, Triple
from ravelar.tools.verifiers.target_language import tokenizer_for
from ravelar.tools.verifiers.translation import Bleu, Translation

TOOLS = [Translation(), Bleu()]
CAT = "The cat sits on the mat and looks out of the window."


def raw(tool: RewardTool, completion: str, reference: object, prompt: str = "?", **columns: object) -> float:
    [score] = tool.score([Triple(prompt, completion, reference, columns)])
    assert not isinstance(score, Exception), score
    return score.raw if isinstance(score, Scored) else score


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.card.name)
def test_the_reference_itself_earns_the_highest_and_worse_earns_less(tool: RewardTool) -> None:
    near = raw(tool, "The cat sits on a mat and looks out of a window.", CAT)
    assert raw(tool, CAT, CAT) == pytest.approx(100.0)
    assert 0 < raw(tool, "A dog ran.", CAT) < near < 100.0
    assert raw(tool, "", CAT) == 0.0
    assert raw(tool, "<think>" + CAT, CAT) == 0.0
    assert raw(tool, "42 17 9", "ab cd ef") == 0.0


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.card.name)
def test_stuffing_the_completion_costs(tool: RewardTool) -> None:
    assert raw(tool, CAT + " " + CAT, CAT) < 90
    assert raw(tool, CAT + " word" * 100, CAT) < 60
    assert raw(tool, (CAT + " ") * 1_000, CAT) == 0.0


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.card.name)
def test_any_of_several_references_will_do(tool: RewardTool) -> None:
    assert raw(tool, CAT, ["Something else entirely.", CAT]) == pytest.approx(100.0)


@settings(deadline=None)
@given(st.text("ab cé中。.,", max_size=40), st.text("ab cé中。.,", max_size=40))
def test_scores_are_sacrebleus_own(completion: str, reference: str) -> None:
    reference, completion = f"a{reference}", completion.strip()
    chrf = sacrebleu.sentence_chrf(completion, [reference]).score if completion else 0.0
    assert raw(Translation(), completion, reference) == pytest.approx(chrf)
    bleu = functools.partial(sacrebleu.sentence_bleu, tokenize="zh").__call__(completion, [reference]).score
    assert raw(Bleu(), completion, reference, target_language="zh") == pytest.approx(bleu if completion else 0.0)


def test_batches_of_mixed_references_keep_their_order() -> None:
    triples = [
        Triple("?", text, reference) for text in ("one two three", "x y z") for reference in ("one two three", 3, "x")
    ]
    for tool in TOOLS:
        batch = tool.score(triples)
        assert [isinstance(score, UnusableReference) for score in batch] == [False, True, False] * 2
        alone = [tool.score([triple])[0] for triple in triples]
        assert [s for s in batch if isinstance(s, float)] == [s for s in alone if isinstance(s, float)]


def test_chinese_and_japanese_are_cut_into_characters_for_bleu() -> None:
    assert raw(Bleu(), "我爱北京的春天和秋天", "我喜欢北京的春天和秋天") > 40
    assert raw(Bleu(), "私は東京の春と秋が好きです", "私は東京の春も秋も好きです") > 20


@pytest.mark.parametrize(
    ("columns", "prompt", "reference", "tokenizer"),
    [
        ({"target_language": "zh"}, "", "x", "zh"),
        ({"target_language": "Chinese"}, "", "x", "zh"),
        ({"target_language": "Simplified Chinese"}, "", "x", "zh"),
        ({"target_lang": "zh-CN"}, "", "x", "zh"),
        ({"tgt_lang": "zho_Hans"}, "", "x", "zh"),
        ({"lp": "en-zh"}, "", "x", "zh"),
        ({"lp": "enzh"}, "", "x", "zh"),
        ({"lp": "zhen"}, "", "x", "13a"),
        ({"lp": "zh-en"}, "", "x", "13a"),
        ({"lp": "en_XX-zh_CN"}, "", "x", "zh"),
        ({"target_language": "ja"}, "", "x", "char"),
        ({"target_language": "ko_KR"}, "", "x", "char"),
        ({"target_language": "de"}, "", "我爱北京", "13a"),
        ({}, "Translate the following text into Chinese: hi", "x", "zh"),
        ({}, "Translate this into Japanese.", "x", "char"),
        ({}, "请把下面的句子翻译成中文", "x", "zh"),
        ({}, "", "我爱北京。", "zh"),
        ({}, "", "私は東京が好きです", "char"),
        ({}, "", "나는 서울을 좋아한다", "char"),
        ({}, "", "Ich mag Berlin", "13a"),
    ],
)
def test_tokenizer_follows_column_prompt_and_script(
    columns: dict[str, str], prompt: str, reference: str, tokenizer: str
) -> None:
    assert tokenizer_for(columns, prompt, reference) == tokenizer


@pytest.mark.parametrize("reference", [None, "", "...", 3, True, {"de": "x"}, [], ["x", None], [["x"]], "x" * 50_001])
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.card.name)
def test_references_that_are_no_text_are_unusable(tool: RewardTool, reference: object) -> None:
    [score] = tool.score([Triple("?", "x", reference)])
    assert isinstance(score, UnusableReference)


def test_sacrebleus_token_caches_are_left_empty() -> None:
    Bleu().score([Triple("?", f"text {i}", "a reference") for i in range(50)])
    for tokenizer in (Tokenizer13a, TokenizerRegexp):
        assert tokenizer.__call__.cache_info().currsize == 0
