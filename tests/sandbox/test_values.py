"""Values cross exactly or not at all, and what is a reward is decided by type, not by what an object says."""

import contextlib
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.sandbox.frames import dump, parse
from ravelar.tools.sandbox.values import MAX_DEPTH, BadValue, OutOfRange, as_reward, decode, encode

texts = st.text(st.characters(exclude_categories=()))
scalars = st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats(allow_nan=False) | texts | st.binary()
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=6
)
literals = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.tuples(inner)
    ),
    max_leaves=12,
)


def same(left, right):
    """Equal, and of the same types all the way down."""
    return repr(left) == repr(right) or (type(left) is type(right) and left == right)


@given(literals)
def test_literals_cross_exactly(value):
    assert same(decode(parse(dump(encode(value)))), value)


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\ud83d\ude00", "\U0001f600", "\udcff\ud800", '"\\\n'])
def test_lone_surrogates_and_nuls_survive(text):
    assert decode(parse(dump(encode([text, {text: 1}])))) == [text, {text: 1}]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_infinities_and_nan_cross_as_literals(number):
    assert repr(decode(parse(dump(encode((number,)))))) == repr((number,))


class Lying(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__

    def __int__(self):
        return 7

    def __repr__(self):
        return "7"


def test_a_subclass_crosses_as_the_value_it_holds_not_as_it_says():
    assert same(encode(Lying(0)), 0)
    assert as_reward(Lying(1)) == 1.0


class Spoofed:
    __class__ = float

    def __float__(self):
        return 1.0


class Meta(type):
    __name__ = property(lambda self: 1 / 0)
    __module__ = property(lambda self: 1 / 0)


@pytest.mark.parametrize(
    "value",
    [
        Meta("Evil", (), {})(),
        "1.0",
        b"1",
        1 + 0j,
        None,
        [1.0],
        math.nan,
        math.inf,
        -math.inf,
        Fraction(1, 2),
        pytest.param(Spoofed(), id="spoofed"),
        float,
        {},
    ],
)
def test_what_is_no_finite_number_is_no_reward(value):
    with pytest.raises(BadValue):
        as_reward(value)


@pytest.mark.parametrize("value", [-1.0, 1.0000001, 2, -1, 10**400, 1 << 30_000, 1e308], ids=range(7))
def test_a_number_outside_the_unit_interval_is_out_of_range(value):
    with pytest.raises(OutOfRange):
        as_reward(value)


@pytest.mark.parametrize(("value", "reward"), [(True, 1.0), (False, 0.0), (1, 1.0), (0.25, 0.25), (-0.0, 0.0)])
def test_numbers_in_the_unit_interval_are_rewards(value, reward):
    assert same(as_reward(value), abs(reward)) or as_reward(value) == reward


@pytest.mark.parametrize(
    "value", [object(), lambda: 0, iter([]), range(3), 1 << 30_000, set(range(20_000))], ids=range(6)
)
def test_what_is_no_bounded_literal_does_not_cross(value):
    with pytest.raises(BadValue):
        encode(value)


def test_nesting_is_bounded_on_the_way_out():
    value = []
    for _ in range(MAX_DEPTH + 1):
        value = [value]
    with pytest.raises(BadValue, match="nested"):
        encode(value)


tags = st.sampled_from(["$tuple", "$set", "$dict", "$bytes", "$complex", "$float", "$frozenset", "$x", "a"])
forged = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(tags, inner)
)


@pytest.mark.slow
@given(forged)
def test_forged_tags_are_refused_or_decoded_but_never_crash(form):
    with contextlib.suppress(BadValue):
        decode(form)
