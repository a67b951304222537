import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from reward_sources import FolderAcquirer, FolderLibrary, by_task, two_tools

import ravelar
from ravelar.calls import default_router
from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.training.routed_reward import RoutedReward


class CountingWatch:
    def __init__(self):
        self.n = 0

    def see(self, batch):
        self.n += len(batch.triples)
        return {"seen": self.n}


def test_a_round_trip_keeps_the_settings_and_scores_alike():
    reward = RoutedReward(
        library=two_tools,
        router=by_task,
        on_unknown="fallback:high",
        time_limit_s=7,
        watches=[CountingWatch()],
        name="mine",
    )
    again = pickle.loads(pickle.dumps(reward))
    for one in (reward, again):
        assert one(["?"] * 3, ["a"] * 3, task=["low", "high", "other"]) == [0.25, 0.75, 0.75]
    assert again.__name__ == "mine"
    assert again.figures["seen"] == 3


def test_what_was_counted_stays_behind():
    reward = RoutedReward(library=two_tools, router=by_task)
    reward(["?"], ["a"], task=["low"])
    again = pickle.loads(pickle.dumps(reward))
    assert (again.calls, again.wall_s, again.tally.tools, again.last) == (0, 0.0, {}, None)


def test_tools_are_never_pickled(fake_tool):
    with pytest.raises(InputError, match="give library= as a callable that opens it there"):
        pickle.dumps(RoutedReward(library=Library([fake_tool()])))
    assert b"Constant" not in pickle.dumps(RoutedReward(library=two_tools, router=by_task))


def test_the_library_is_opened_at_the_first_call_and_not_before(tmp_path):
    (tmp_path / "tool").write_text("0.5")
    sent = pickle.dumps(RoutedReward(library=FolderLibrary(str(tmp_path)), on_unknown="fallback:tool"))
    (tmp_path / "tool").unlink()
    again = pickle.loads(sent)
    (tmp_path / "tool").write_text("1.0")
    assert again(["?"], ["a"]) == [1.0]


def test_a_library_that_can_not_be_opened_there_leaves_all_unscored(tmp_path, caplog):
    (tmp_path / "tool").write_text("0.5")
    again = pickle.loads(pickle.dumps(RoutedReward(library=FolderLibrary(str(tmp_path)))))
    (tmp_path / "tool").write_text("no number")
    assert again(["?"], ["a"]) == [None]
    assert "could not convert string to float" in caplog.text
    (tmp_path / "tool").write_text("1.0")
    assert again(["?"], ["a"], tool=["tool"]) == [1.0]


def test_an_acquirer_travels_along(tmp_path):
    (tmp_path / "low").write_text("0.5")
    folder = str(tmp_path)
    reward = RoutedReward(library=FolderLibrary(folder), on_unknown="acquire", acquirer=FolderAcquirer(folder))
    assert pickle.loads(pickle.dumps(reward)).acquisitions == []


def test_another_process_scores_with_its_own_tools(tmp_path):
    sent = tmp_path / "reward.pickle"
    sent.write_bytes(pickle.dumps(RoutedReward(library=ravelar.default_library, router=default_router)))
    code = (
        f"import pickle, pathlib; reward = pickle.loads(pathlib.Path({str(sent)!r}).read_bytes()); "
        "print(reward(['6 * 7?', '?'], ['It is 42.', 'a'], reference=[42, None]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "[1.0, None]\n", done.stderr
    assert Path(sent).stat().st_size < 2_000
