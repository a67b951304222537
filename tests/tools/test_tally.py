from ravelar.tools.reward import Reward
from ravelar.tools.tally import Tally


def test_unscored_rows_are_left_out_of_the_mean_and_counted_by_reason():
    tally = Tally()
    tally.add(Reward(1.0, "a"))
    tally.add(Reward(0.0, "a"))
    tally.add(Reward(None, "a", "UnusableReference: empty"))
    tally.add(Reward(None, "a", "UnusableReference: a list"))
    (row,) = tally.as_json()
    assert (row["n"], row["mean"], row["unscored"]) == (4, 0.5, 2)
    assert row["unscored_reasons"] == {"UnusableReference": 2}


def test_labels_give_false_accepts_and_false_rejects():
    tally = Tally(threshold=0.5)
    for value, label in [(1.0, True), (0.5, False), (0.4, True), (0.4, False), (None, True), (1.0, None)]:
        tally.add(Reward(value, "a", "x"), label)
    (row,) = tally.as_json()
    assert (row["labelled"], row["false_accepts"], row["false_rejects"]) == (4, 1, 1)


def test_reasons_are_bounded_in_number():
    tally = Tally()
    for n in range(1000):
        tally.add(Reward(None, None, f"reason {n}"))
    assert len(tally.as_json()[0]["unscored_reasons"]) == 21
    assert tally.as_json()[0]["unscored"] == 1000


def test_rates_come_from_the_batches_times():
    tally = Tally()
    tally.add(Reward(1.0, "a"))
    tally.add_time("a", 1, 0.5)
    assert tally.as_json()[0]["rewards_per_s"] == 2.0
