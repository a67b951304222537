"""The benchmarks' own files: read into cases, and refused by file and line where they are broken."""

import gzip
import json
import re
from pathlib import Path

import pytest

from ravelar.benchmark.evals.rewards.formats import read_cases
from ravelar.benchmark.evals.rewards.given import read_given
from ravelar.tools.errors import InputError, UnknownName

STYLES = ["short", "long", "# long"]
RB2 = {"id": "7", "subset": "Focus", "prompt": "p", "chosen": ["good"], "rejected": ["a", "b", "c"], "num_correct": 1}
RM = {"id": 3, "prompt": "p", "chosen": STYLES, "rejected": ["x", "y", "z"]}
JB = {
    "pair_id": "u1",
    "source": "mmlu-pro-law",
    "question": "q",
    "response_A": "no",
    "response_B": "yes",
    "label": "B>A",
}
MATH = {"problem": "1+1", "problem_id": 4, "answer": "2", "subject": "Algebra", "eval_solution": ["one", "two"]}
BAR = {"input": "i", "output_1": "bad", "output_2": "fine", "label": 2}


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def array(path: Path, *rows: object) -> Path:
    path.write_text(json.dumps(list(rows), indent=4))
    return path


def test_rewardbench2_has_the_right_ones_first_and_pairs_reference_and_tied_prompts(tmp_path) -> None:
    ties = {**RB2, "id": "tied:3", "subset": "Ties", "chosen": ["r", "g"], "rejected": ["w"]}
    path = lines(tmp_path / "rb2.jsonl", RB2, ties, {**ties, "id": "ref:3", "chosen": ["r"]})
    plain, tied, reference = read_cases("rewardbench2", [path])
    assert (plain.key, plain.completions, plain.right) == ("Focus/7", ("good", "a", "b", "c"), 1)
    assert (tied.right, reference.right, tied.subset) == (2, 1, "Ties")
    assert tied.cluster == reference.cluster == "3"


def test_rm_bench_takes_the_domain_from_the_column_or_the_files_name(tmp_path) -> None:
    (named,) = read_cases("rm-bench", [array(tmp_path / "total_dataset.json", {**RM, "domain": "math"})])
    (by_file,) = read_cases("rm-bench", [array(tmp_path / "safety-refuse_filtered.json", RM)])
    assert (named.subset, by_file.subset) == ("math", "safety-refuse")
    assert (by_file.right, by_file.completions) == (3, ("short", "long", "# long", "x", "y", "z"))
    with pytest.raises(InputError, match="domain 'total_dataset'"):
        read_cases("rm-bench", [array(tmp_path / "total_dataset.json", RM)])


def test_judgebench_puts_the_right_one_first_and_remembers_where_it_stood(tmp_path) -> None:
    one, other = read_cases("judgebench", [lines(tmp_path / "j.jsonl", JB, {**JB, "pair_id": "u2", "label": "A>B"})])
    assert (one.completions, one.published_first, one.subset, one.pair) == (("yes", "no"), False, "knowledge", True)
    assert (other.completions, other.published_first) == (("no", "yes"), True)


def test_rewardmath_groups_solutions_by_problem_and_joins_their_steps(tmp_path) -> None:
    rows = [{**MATH, "solution_type": kind} for kind in ("rejected", "chosen", "rejected")]
    (case,) = read_cases("rewardmath", [array(tmp_path / "m.json", *rows)])
    assert (case.right, len(case.completions), case.completions[0]) == (1, 3, "one\ntwo")
    assert (case.subset, case.reference) == ("Algebra", "2")
    assert case.without_reference().reference is None


def test_llmbar_is_named_by_its_file_or_its_folder(tmp_path) -> None:
    (tmp_path / "Neighbor").mkdir()
    found = read_cases(
        "llmbar",
        [
            array(tmp_path / "Neighbor" / "dataset.json", BAR, {**BAR, "label": 1}),
            lines(tmp_path / "natural.jsonl", BAR),
        ],
    )
    assert [case.key for case in found] == ["Neighbor/0", "Neighbor/1", "natural/1"]
    assert [case.completions[0] for case in found] == ["fine", "bad", "fine"]
    assert [case.published_first for case in found] == [False, True, False]


@pytest.mark.parametrize(
    ("benchmark", "row", "said"),
    [
        ("rewardbench2", {**RB2, "chosen": []}, "x.jsonl:1: chosen is list []"),
        ("rewardbench2", {**RB2, "subset": "Ties"}, "id '7' of a Ties row; allowed: ref:N or tied:N"),
        ("rm-bench", {**RM, "domain": "chat", "chosen": ["a"]}, "1 chosen and 3 rejected; allowed: three each"),
        ("judgebench", {**JB, "label": "A=B"}, "label 'A=B'; allowed: A>B or B>A"),
        ("judgebench", {**JB, "response_A": 3}, "response_A is int 3"),
        ("rewardmath", {**MATH, "solution_type": "best"}, "solution_type 'best'"),
        ("rewardmath", {**MATH, "solution_type": "chosen"}, "problem 4 has no rejected solution"),
        ("llmbar", {**BAR, "label": 3}, "label 3; allowed: 1 or 2"),
        ("llmbar", {**BAR, "label": True}, "label is bool True"),
    ],
)
def test_broken_records_are_named(tmp_path, benchmark, row, said) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        read_cases(benchmark, [lines(tmp_path / "x.jsonl", row)])


def test_broken_files_are_named(tmp_path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'rm-bench'"):
        read_cases("rmbench", [])
    with pytest.raises(InputError, match="no such file"):
        read_cases("llmbar", [tmp_path / "none.json"])
    with pytest.raises(InputError, match="is a folder"):
        read_cases("llmbar", [tmp_path])
    (tmp_path / "cut.json").write_text("[{")
    with pytest.raises(InputError, match="not a readable JSON array"):
        read_cases("llmbar", [tmp_path / "cut.json"])
    (tmp_path / "torn.json.gz").write_bytes(gzip.compress(b"[]" * 5000)[:40])
    with pytest.raises(InputError, match=r"torn\.json\.gz"):
        read_cases("llmbar", [tmp_path / "torn.json.gz"])
    with pytest.raises(InputError, match=re.escape("n.json[0]: a record is a JSON object, got int")):
        read_cases("llmbar", [array(tmp_path / "n.json", 3)])
    with pytest.raises(InputError, match="no case of llmbar"):
        read_cases("llmbar", [array(tmp_path / "e.json")])
    path = lines(tmp_path / "j.jsonl", JB)
    with pytest.raises(InputError, match="the key 'u1' stands twice; is a file named twice"):
        read_cases("judgebench", [path, path])


def test_the_real_files_are_read(shared) -> None:
    judgebench = read_cases("judgebench", [shared("judgebench/gpt-4o-2024-05-13.jsonl.gz")])
    assert {case.subset for case in judgebench} == {"knowledge", "reasoning", "mathematics", "coding"}
    bench = read_cases("rm-bench", sorted(shared("rm-bench/chat_filtered.jsonl.gz").parent.glob("*.jsonl.gz")))
    assert {case.subset for case in bench} == {"chat", "code", "safety-refuse", "safety-response"}
    assert len(read_cases("llmbar", [shared("llmbar/natural.jsonl.gz")])) == 100


def test_judgebench_results_of_models_and_of_judges_are_counted_from_the_right_ones_view(tmp_path) -> None:
    inner = {"judge_model": "m", "scores": [1.0, 3.0]}
    model = {**JB, "judgments": [{"judgment": inner, "decision": "B>A"}] * 2}
    said = read_given("judgebench", [lines(tmp_path / "a.jsonl", model)])
    assert said["m"][0][1].scores == (3.0, 1.0)
    votes = [{"decision": "B>A", "judgment": {}}, {"decision": "B>A", "judgment": {}}]
    ((_, judge),) = read_given("judgebench", [lines(tmp_path / "b.jsonl", {**JB, "judgments": votes})])["b"]
    assert (judge.votes, judge.share) == (("right", "wrong"), 0.5)  # the second order is swapped
    ((_, mute),) = read_given("judgebench", [lines(tmp_path / "c.jsonl", {**JB, "judgments": [None, votes[0]]})])["c"]
    assert "no decision" in mute.error


def test_result_files_of_the_other_benchmarks_are_read(tmp_path) -> None:
    several = {"problem": "p", "correct": 1, "scores": {"m": [1, 5, 2], "n": [[3], [1], [2]]}}
    said = read_given("rewardmath", [lines(tmp_path / "s.jsonl", several)])
    assert [said[name][0][1].scores for name in ("m", "n")] == [(5.0, 1.0, 2.0), (1.0, 3.0, 2.0)]
    official = {"problem": "p", "solution_reference": ["x", "human_to_GPT-4"], "score": [1, 2]}
    ((_, one),) = read_given("rewardmath", [array(tmp_path / "armo_reward.json", official)])["armo"]
    assert one.scores == (2.0, 1.0)
    rm = {"id": 1, "domain": "chat", "score_chosen": [1, 2, 3], "score_rejected": [0, 5, 2]}
    ((case, scored),) = read_given("rm-bench", [lines(tmp_path / "rm.jsonl", rm)])["rm"]
    assert (case.key, scored.scores) == ("chat/1", (1.0, 2.0, 3.0, 0.0, 5.0, 2.0))
    columns = {"id": ["1", "tied:2"], "subset": ["Focus", "ties"], "scores": [[1, 0], [[2], [1], [0]]]}
    path = tmp_path / "big.json"
    path.write_text(json.dumps({**columns, "num_correct": [1, 2], "model": "acme/rm"}, indent=4))
    rows = read_given("rewardbench2", [path])["acme/rm"]
    assert [(case.subset, case.right) for case, _ in rows] == [("Focus", 1), ("Ties", 2)]
    assert rows[1][1].scores == (2.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("benchmark", "row", "said"),
    [
        ("rewardmath", {"problem": "p", "correct": 0, "scores": {"m": [1, "x"]}}, "a score is 'x'"),
        ("rewardmath", {"problem": "p", "correct": 0, "scores": {"m": [1, float("nan")]}}, "a score is nan"),
        ("rewardmath", {"problem": "p", "solution_reference": ["x"], "score": [1]}, "1 scores for 1 solutions"),
        ("rewardbench2", {"id": "1", "subset": "Math", "scores": [1], "num_correct": 1}, "num_correct 1 of 1 scores"),
        ("rm-bench", {"id": 1, "domain": "chat", "score_chosen": [1], "score_rejected": [1]}, "three scores of either"),
    ],
)
def test_broken_scores_are_named(tmp_path, benchmark, row, said) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        read_given(benchmark, [lines(tmp_path / "x.jsonl", row)])


def test_given_files_that_say_two_things_or_nothing_are_refused(tmp_path) -> None:
    row = {"problem": "p", "correct": 0, "scores": {"m": [1, 0]}}
    path = lines(tmp_path / "x.jsonl", row)
    with pytest.raises(InputError, match="m has two scores of p"):
        read_given("rewardmath", [path, path])
    with pytest.raises(InputError, match="no scores in it"):
        read_given("rewardmath", [lines(tmp_path / "e.jsonl")])
    with pytest.raises(UnknownName, match="has no manifest"):
        read_given("llmbar", [path])
