"""The benchmark of judge calls counts what it did, and does it on the loopback."""

from ravelar.benchmark.judge_speed import measure


def test_every_call_is_made_by_both_ways() -> None:
    figures = measure(calls=32, at_once=8, latency_s=0.002, rounds=1, characters=200)
    assert figures["calls"] == 32
    assert figures["ideal_s"] == 0.008
    assert figures["ours_s"] >= figures["ideal_s"]
    assert figures["ours_to_bare"] > 0
