"""What follows from records: the same for everyone, in whatever order they were read."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.adopted.records import Author, Record, active, in_order, standings


def record(action, version, at, *, name="haiku", run="", process="here:1"):
    by = Author(run=run or f"{action} {version} {at}", process=process)
    return Record(action=action, name=name, version=version, at=at, by=by)


def line_of(*steps):
    """Fold steps such as "adopted 1" that happen a second apart; return the tool's standing."""
    return standings(record(*step.split(), at) for at, step in enumerate(steps)).get("haiku")


RECORDS = st.lists(
    st.builds(
        record,
        st.sampled_from(["adopted", "retired", "restored", "suspended", "resumed", "refused", "unchecked"]),
        st.sampled_from("1234"),
        st.integers(0, 5),
        name=st.sampled_from(["haiku", "dates"]),
        run=st.sampled_from(["", "a", "b"]),
        process=st.sampled_from(["x:1", "y:2"]),
    ),
    max_size=14,
)


@given(RECORDS, st.randoms(use_true_random=False))
@pytest.mark.slow
def test_what_is_active_hangs_on_the_set_of_records_alone(records: list[Record], chance: random.Random) -> None:
    mixed = [*records, *chance.choices(records, k=3)] if records else []
    chance.shuffle(mixed)
    assert standings(mixed) == standings(records)
    assert active(mixed) == active(records)


@given(RECORDS)
def test_an_active_version_was_adopted_or_restored_and_is_not_out_of_use(records: list[Record]) -> None:
    for name, version in active(records).items():
        assert any(r.name == name and r.version == version and r.action in ("adopted", "restored") for r in records)
    for tool in standings(records).values():
        assert tool.active is None or tool.active not in tool.retired | tool.suspended


def test_the_last_adopted_version_is_active() -> None:
    assert line_of("adopted 1", "adopted 2").active == "2"


def test_ties_in_time_fall_to_the_keys_for_everyone_alike() -> None:
    two = [record("adopted", version, 7.0) for version in "12"]
    last = max(two, key=lambda r: r.key)
    assert active(two) == active(two[::-1]) == {"haiku": last.version}


def test_the_key_is_made_of_action_version_and_run_and_not_of_time_or_process() -> None:
    first = record("adopted", "1", 1.0, run="r", process="here:1")
    assert first.key == record("adopted", "1", 2.0, run="r", process="there:2").key
    others = [record("retired", "1", 1.0, run="r"), record("adopted", "2", 1.0, run="r")]
    others += [record("adopted", "1", 1.0, run="s"), record("adopted", "1", 1.0, run="r", name="dates")]
    assert len({first.key, *(other.key for other in others)}) == 5


def test_of_two_records_with_one_key_the_earlier_counts() -> None:
    early, late = record("adopted", "1", 1.0, run="r"), record("adopted", "1", 9.0, run="r")
    between = record("adopted", "2", 5.0)
    assert active([late, between, early]) == {"haiku": "2"}


def test_a_retired_tool_is_not_active_and_the_version_before_does_not_come_back_by_itself() -> None:
    tool = line_of("adopted 1", "adopted 2", "retired 2")
    assert tool.active is None
    assert tool.previous == "1"


def test_retiring_another_version_leaves_the_active_one() -> None:
    assert line_of("adopted 1", "adopted 2", "retired 1").active == "2"
    assert line_of("adopted 1", "adopted 2", "retired 1").previous is None


def test_a_retired_version_may_be_restored_or_adopted_again() -> None:
    assert line_of("adopted 1", "retired 1", "restored 1").active == "1"
    assert line_of("adopted 1", "retired 1", "adopted 1").active == "1"


def test_going_back_twice_goes_further_back_and_not_forth_again() -> None:
    tool = line_of("adopted 1", "adopted 2", "adopted 3", "restored 2")
    assert (tool.active, tool.previous) == ("2", "1")


def test_two_who_go_back_at_once_go_back_once() -> None:
    both = [record("adopted", "1", 1), record("adopted", "2", 2), record("adopted", "3", 3)]
    both += [record("restored", "2", 4, run="a"), record("restored", "2", 4, run="b")]
    assert active(both) == {"haiku": "2"}


def test_a_suspended_version_is_out_of_use_until_resumed_or_adopted_anew() -> None:
    assert line_of("adopted 1", "suspended 1").active is None
    assert line_of("adopted 1", "suspended 1", "resumed 1").active == "1"
    assert line_of("adopted 1", "suspended 1", "adopted 2").active == "2"


@pytest.mark.parametrize("action", ["refused", "unchecked"])
def test_what_was_refused_or_is_unchecked_changes_nothing_in_use(action: str) -> None:
    assert line_of("adopted 1", f"{action} 2").active == "1"
    assert line_of(f"{action} 2").active is None


def test_records_sort_by_time() -> None:
    assert [r.at for r in in_order([record("adopted", "1", 2.0), record("adopted", "1", 1.0)])] == [1.0, 2.0]
