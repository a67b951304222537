"""A person's own outline, as Markdown or JSON."""

import json
from pathlib import Path

import pytest

from ravelar.tools.errors import InputError
from ravelar.tools.writing.outline_file import outline_text, read_outline_file

TEXT = """# Tide tables

## By the stairs (300 words)
- who reads them
* what they decide

## What moves the water
1. the moon
2) the sun

## 结尾（1,200字）
"""
READ = {
    "title": "Tide tables",
    "sections": [
        {"title": "By the stairs", "points": ["who reads them", "what they decide"], "words": 300},
        {"title": "What moves the water", "points": ["the moon", "the sun"], "words": None},
        {"title": "结尾", "points": ["结尾"], "words": 1_200},
    ],
}


@pytest.fixture
def file(tmp_path: Path):
    def make(text: str | bytes) -> Path:
        path = tmp_path / "outline.md"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def test_markdown_is_read_as_one_writes_it(file) -> None:
    assert read_outline_file(file(TEXT)) == READ
    assert read_outline_file(file(b"\xef\xbb\xbf" + TEXT.encode())) == READ


def test_json_is_read(file) -> None:
    assert read_outline_file(file(json.dumps(READ))) == READ


def test_what_is_shown_for_editing_reads_as_what_it_shows(file) -> None:
    assert read_outline_file(file(outline_text(READ["title"], READ["sections"]))) == READ


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no title"),
        ("## One\n- a\n", "has no title"),
        ("# T\n# U\n", "line 2: a second title, 'U'"),
        ("# T\n- a\n", "line 2: a point before the first section"),
        ("# T\n### deep\n", "line 2: '### deep'"),
        ("# T\nSome prose.\n", "line 2: 'Some prose.'; allowed"),
        ('{"title": "T"', "no JSON"),
        ('{"title": "T", "sections": 3}', "'sections' must be a list"),
        (b"# T\xff", "can't be read"),
        ("# T\n" + "x" * 1_000_001, "bytes; allowed"),
    ],
)
def test_what_is_no_outline_is_told_by_its_line(file, text, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_outline_file(file(text))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        read_outline_file(tmp_path / "none.md")
