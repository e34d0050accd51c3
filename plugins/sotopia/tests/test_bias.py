"""Statistics of judges, filters, leaks, counts."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleaf.errors import InvalidInput
from interleaf.values import Table
from interleaf_sotopia import bias, filtering, leaks, safety
from interleaf_sotopia.bias import Pairs, pairs
from interleaf_sotopia.config import BiasConfig, PaperConfig
from interleaf_sotopia.filtering import Rated
from interleaf_sotopia.judges import Bias, PaperGaps
from interleaf_sotopia.sample import SCENES, sample_episodes

RNG = np.random.default_rng(3)


def system(n: int, lift: float, rng: np.random.Generator, noise: float = 1.0) -> Pairs:
    """Scores whose judge is ``lift`` above the reference, give or take."""
    true = rng.uniform(0, 8, n)
    return Pairs(true + lift + noise * rng.standard_normal(n), true, tuple(range(n)))


def test_a_constant_bias_raises_no_flag_and_a_growing_one_does() -> None:
    raised = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        flag, _ = bias.optimised_against_judge([system(150, 1.5, rng) for _ in range(3)], seed)
        raised.append(flag)
    assert sum(map(bool, raised)) <= 3
    for seed in range(5):
        rng = np.random.default_rng(seed)
        flag, growths = bias.optimised_against_judge(
            [system(150, lift, rng) for lift in (0.5, 0.6, 1.6)], seed
        )
        assert flag and growths[1].interval is not None and growths[1].interval[0] > 0


def test_what_cannot_be_known_is_none_with_a_reason() -> None:
    two, same = pairs([1, 2], [1, 2], "ab"), pairs([3, 3, 3], [1, 2, 3], "abc")
    assert bias.pearson(two).value is None and "2 pairs" in bias.pearson(two).reason
    assert bias.pearson(same).value is None and "judge" in bias.pearson(same).reason
    assert bias.gap(same).value == 1 and bias.gap(pairs([], [], "")).value is None
    flag, (growth,) = bias.optimised_against_judge([two, two])
    assert flag is None and growth.reason
    report = Bias(BiasConfig()).evaluate(Table({"judged": [1, None], "reference": [2, 3]}))
    assert report["optimised_against_judge"].value is None
    with pytest.raises(InvalidInput, match="judged"):
        Bias(BiasConfig()).evaluate(Table({}))


def test_missing_scores_are_left_out_in_pairs() -> None:
    p = pairs([1, None, 3, float("nan"), True], [1, 2, None, 4, 5], "abcde")
    assert len(p) == 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=4, max_size=12))
def test_correlations_agree_with_scipy(scores: list[tuple[int, int]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    a, b = (list(x) for x in zip(*scores, strict=True))
    p = pairs(a, b, range(len(a)))
    if bias.pearson(p).value is None:
        assert len(set(a)) == 1 or len(set(b)) == 1
        return
    assert bias.pearson(p).value == pytest.approx(stats.pearsonr(a, b)[0])
    assert bias.spearman(p).value == pytest.approx(stats.spearmanr(a, b)[0])


def test_kappa_as_the_paper_has_it(social: Path) -> None:
    table = json.loads((social / "paper_other_tables.json").read_text())["inter_annotator"]
    n = 10000
    # two categories, three for REL; what the paper gives for FIN follows from no number of them
    for name, (agreed, kappa) in table.items():
        second = [0] * round(agreed * n) + [1] * (n - round(agreed * n))
        found = [bias.randolph([0] * n, second, k).value or 0 for k in range(2, 12)]
        wanted = {"REL": 3, "FIN": 0}.get(name, 2)
        assert [k for k, v in enumerate(found, 2) if abs(v - kappa) < 2e-4] == (
            [wanted] if wanted else []
        ), name
    assert bias.randolph([], [], 2).value is None


def test_the_papers_gaps_and_overalls_to_two_decimals(social: Path) -> None:
    report = PaperGaps(PaperConfig(path=str(social / "paper_table5.csv"))).evaluate()
    told = json.loads((social / "paper_other_tables.json").read_text())[
        "goal_gap_gpt4_minus_human_hard28"
    ]
    assert {m.group: round(m.value or 0, 2) for m in report.measures if m.name == "gap"} == told
    lines = (social / "paper_table5.csv").read_text().splitlines()
    wanted = [float(line.rsplit(",", 1)[1]) for line in lines[1:]]
    found = [m.value for m in report.measures if m.name == "overall"]
    # the CSV's scores are rounded themselves: two of the 25 means round to the neighbouring hundredth
    assert len(found) == 25 and found == pytest.approx(wanted, abs=0.0075)
    assert (
        sum(abs(f - w) <= 0.00501 for f, w in zip(found, wanted, strict=True) if f is not None)
        == 23
    )


def rows(scores: dict[str, list[tuple[float, float]]]) -> list[Rated]:
    """Episodes by task: both roles' scores."""
    return [
        Rated(task=t, episode=f"{t}{n}", role=r, score=pair[r], other=pair[1 - r])
        for t, found in scores.items() for n, pair in enumerate(found) for r in (0, 1)
    ]  # fmt: skip


def test_the_papers_cloning_filter() -> None:
    scores = {"t": [(9, 1), (8, 2), (7, 7), (3, 3), (1, 9)]}
    kept = filtering.cloning(rows(scores), top_k=2)
    by_role = [{r.episode for r in kept if r.role == role} for role in (0, 1)]
    assert {"t0", "t1"} <= by_role[0] and {"t4", "t2"} <= by_role[1]
    assert len(by_role[0]) == len(by_role[1])
    assert all("t3" not in side for side in by_role)


def test_ties_and_few_episodes_are_decided_the_same_way() -> None:
    tied = rows({"t": [(5, 5)] * 6})
    assert [r.episode for r in filtering.cloning(tied, threshold=False)] == ["t0", "t0", "t1", "t1"]
    assert filtering.cloning(tied[::-1], threshold=False) == filtering.cloning(
        tied, threshold=False
    )
    one = rows({"t": [(5, 4)]})
    assert len(filtering.cloning(one, top_k=2)) == 2 and len(filtering.self_play(one)) == 1
    assert filtering.cloning([]) == filtering.self_play([]) == filtering.advantage([]) == []


def test_luck_with_a_soft_partner_is_no_advantage() -> None:
    soft = [
        Rated(task="t", episode=f"s{n}", role=0, score=9, other=1, partner="soft") for n in range(4)
    ]
    hard = [
        Rated(task="t", episode=f"h{n}", role=0, score=s, other=8, partner="hard")
        for n, s in enumerate((2, 2, 2, 6))
    ]
    kept = filtering.advantage([*soft, *hard], top_frac=0.5)
    assert [r.episode for r in kept] == ["h3"]
    assert all(r.partner == "soft" for r in filtering.self_play([*soft, *hard], 0.25))


def test_nothing_kept_is_told() -> None:
    from interleaf.interfaces.report import Report
    from interleaf_sotopia.components import Pairs as Kept
    from interleaf_sotopia.config import PairsConfig

    with pytest.raises(InvalidInput, match="no rating 'goal'"):
        Kept(PairsConfig()).kept(sample_episodes(), Report())


def test_leaks_are_found_under_other_names_and_near_copies() -> None:
    from dataclasses import replace

    copy = replace(SCENES[0], id="other")
    longer = replace(SCENES[1], id="x", scenario=" ".join(f"word{n}" for n in range(60)))
    near = replace(longer, id="y", scenario=longer.scenario + " Again.")
    assert leaks.found([copy], [SCENES[0]]) == [("other", "s1", 1.0)]
    assert leaks.found([near], [longer])[0][2] >= 0.8
    assert leaks.found([SCENES[0]], [SCENES[1]]) == []
    with pytest.raises(InvalidInput, match="those of the evaluation"):
        leaks.refuse([copy], [SCENES[0]])


def test_wilson_and_mcnemar() -> None:
    assert safety.wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-3)
    assert safety.wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-3)
    assert safety.mcnemar([True] * 6 + [False], [False] * 6 + [True])[2] == pytest.approx(0.125)
    assert safety.mcnemar([True], [True]) == (0, 0, 1.0)


def test_secrets_and_words() -> None:
    from interleaf_sotopia.actions import Action
    from interleaf_sotopia.episode import Turn

    turns = [
        Turn(0, 0, Action("speak", "Damn, she is closing the shop!")),
        Turn(1, 1, Action("speak", "closing the shop? damn")),
    ]
    assert safety.leaked("She is closing the shop.", turns, 0) and not safety.leaked(
        "She is closing the shop.", turns, 1
    )
    assert safety.leaked("", turns, 0) is None
    assert safety.toxic(turns, 1, ["damn", ""]) == 1
    assert not safety.engaged(turns, 0)
    assert safety.engaged([Turn(n, 0, Action("speak", "x")) for n in range(5)], 0)
