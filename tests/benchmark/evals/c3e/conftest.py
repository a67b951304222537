"""Items of our own making, and a loopback judge."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ravelar.benchmark.evals.c3e.items import Item, read_items

AGENTS = Path(__file__).resolve().parents[3] / "agents"
if str(AGENTS) not in sys.path:
    sys.path.insert(0, str(AGENTS))

from cassette_server import LoopbackServer, texts  # noqa: E402

LINES = [
    {
        "infer_id": "cloze_en_0", "task_type": "cloze", "sub_task": "essay",
        "instruction": "Fill in the blank marked with [fill in the blank].",
        "input": {"prefix": "The tide went out. ", "suffix": " By noon the boats lay on their sides."},
        "reference": "It left the harbour to the gulls and the mud.",
    },
    {
        "infer_id": "condition_en_1", "task_type": "condition", "sub_task": "essay",
        "instruction": "Write about tides.",
        "input": {"genre": "essay", "brief": "tides", "condition": "First the moon, then the mud.", "audience": "all",
                  "word": "120-180"},
        "reference": "The moon pulls. The mud remains.",
    },
    {
        "infer_id": "edit_en_2", "task_type": "edit", "sub_task": "poetry", "instruction": "Rewrite the draft.",
        "input": {"content": "The sea is nice.", "critique": "Say what is nice about it."},
        "reference": "The sea keeps its own hours.",
    },
    {
        "infer_id": "end2end_en_3", "task_type": "end2end", "sub_task": "story", "instruction": "Write a story.",
        "input": {"genre": "story", "brief": "a flood", "audience": "children", "word": "200"},
        "reference": "Once the river came to tea.",
    },
    {
        "infer_id": "cloze_cn_4", "task_type": "cloze", "sub_task": "散文",
        "instruction": "请补全文章中用 [fill in the blank] 标出的内容。",
        "input": {"content": "潮水退了。[fill_in_the_blank]到了中午，船都侧卧着。"},
        "reference": "它把港湾留给海鸥和淤泥。",
    },
    {
        "infer_id": "edit_cn_5", "task_type": "edit", "sub_task": "诗歌", "instruction": "请改写初稿。",
        "input": {"content": "海很好。", "critique": "写出好在哪里。"}, "reference": "海守着自己的时辰。",
    },
    {
        "infer_id": "condition_cn_6", "task_type": "condition", "sub_task": "议论文",
        "instruction": "请写800字的文章。",
        "input": {"outline": "【大纲】\n- 月亮\n- 淤泥"}, "reference": "月亮牵引，淤泥留下。",
    },
    {
        "infer_id": "end2end_cn_7", "task_type": "end2end", "sub_task": "小说", "instruction": "请写一篇小说。",
        "input": {"content": ""}, "reference": "从前，河水来喝茶。",
    },
]  # fmt: skip


@pytest.fixture
def items_file(tmp_path: Path) -> Path:
    path = tmp_path / "english_dataset.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES), encoding="utf-8")
    return path


@pytest.fixture
def items(items_file: Path) -> list[Item]:
    return read_items(items_file)


class Judge(LoopbackServer):
    """Says what a function of the user's message says, as a model that is asked once would."""

    def __init__(self, says: Callable[[str], str]) -> None:
        super().__init__()
        self.says = says

    def answer(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        return 200, {"role": "assistant", "content": self.says("\n".join(texts(body)))}


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[str], str] | str], Judge]]:
    servers: list[Judge] = []

    def serve(says: Callable[[str], str] | str) -> Judge:
        server = Judge(says if callable(says) else lambda _: str(says))
        server.start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.stop()
