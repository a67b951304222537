"""The language of a translation: as a column or the prompt names it, or as the reference's script shows it."""

import re
from collections.abc import Mapping
from typing import Any, Literal

Tokenizer = Literal["13a", "zh", "char"]

_COLUMNS = ("target_language", "target_lang", "tgt_lang", "lp")
# Languages that sacrebleu's default tokenizer does not cut into words. Its MeCab tokenizers for Japanese and
# Korean need packages that we do not install, so that characters stand in.
_CODES: Mapping[str, Tokenizer] = {
    **dict.fromkeys(("zh", "zho", "chi", "cmn", "yue", "chinese", "mandarin", "cantonese", "中文", "汉语"), "zh"),
    **dict.fromkeys(("ja", "jpn", "japanese", "日语", "日文", "ko", "kor", "korean", "韩语", "韩文"), "char"),
    **dict.fromkeys(("th", "tha", "thai", "lo", "lao", "km", "khm", "khmer", "my", "mya", "burmese"), "char"),
}
_KANA_HANGUL = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\uac00-\ud7af\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_INTO = re.compile(
    r"\btranslat\w*\b[^\n]{0,200}?\b(?:to|into|in)\s+(?:\w+\s+)?(Chinese|Mandarin|Cantonese|Japanese|Korean|Thai|Lao|Khmer|Burmese)\b"
    r"|[译譯翻](?:译|譯)?[成为為]\s*(中文|汉语|日语|日文|韩语|韩文)",
    re.IGNORECASE,
)


def tokenizer_for(metadata: Mapping[str, Any], question: str, reference: str) -> Tokenizer:
    """Return the sacrebleu tokenizer for a target language.

    It is named by the columns `target_language`, `target_lang`, `tgt_lang` or `lp` ("en-zh", "enzh"), or by
    the prompt ("translate ... into Chinese"), or else shown by the script of the reference.
    """
    for column in _COLUMNS:
        named = metadata.get(column)
        if isinstance(named, str) and named.strip():
            return _CODES.get(_code(named, pair=column == "lp"), "13a")
    asked = _INTO.search(question[:2_000]) or _INTO.search(question[-2_000:])
    if asked:
        return _CODES.get((asked[1] or asked[2]).lower(), "13a")
    return _by_script(reference)


def _code(named: str, *, pair: bool) -> str:
    """Reduce "zh-CN", "zho_Hans", "en-zh", "enzh", "Simplified Chinese" to the code or name that counts."""
    parts = [part for part in re.split(r"[-_ >→()]+", named.strip().lower()) if part]
    if not pair:
        return next((part for part in parts if part in _CODES), parts[0] if parts else "")
    if len(parts) == 1 and len(parts[0]) == 4:
        return parts[0][2:]
    codes = [part for part in parts if len(part) in (2, 3) and part not in ("cn", "tw", "hk", "us", "gb", "de_de")]
    return codes[-1] if codes else ""


def _by_script(reference: str) -> Tokenizer:
    if _KANA_HANGUL.search(reference):
        return "char"
    return "zh" if 3 * len(_HAN.findall(reference)) > len(reference) else "13a"
