"""CaSiNo: people's points follow from what they did."""

from pathlib import Path

import pytest

from interleaf_sotopia import bias, casino
from interleaf_sotopia.config import CasinoConfig
from interleaf_sotopia.judges import Casino, CasinoScores, sample_dialogues


@pytest.fixture(scope="module")
def dialogues(social: Path) -> list[casino.Dialogue]:
    """All 930 that are here."""
    return [
        d
        for n in ("train", "valid")
        for d in Casino(CasinoConfig(path=str(social / f"casino_{n}.jsonl")))
    ]


def test_points_of_every_participant(dialogues: list[casino.Dialogue]) -> None:
    assert len(dialogues) == 930
    assert all(casino.points(d) == d.points for d in dialogues)


def test_points_and_satisfaction_go_together_a_little(dialogues: list[casino.Dialogue]) -> None:
    both = [(s, p) for d in dialogues for s, p in zip(d.satisfaction, d.points, strict=True)]
    found = bias.pearson(
        bias.pairs([s for s, _ in both], [p for _, p in both], [i // 2 for i in range(len(both))])
    )
    assert found.value == pytest.approx(0.376, abs=0.02) and found.interval is not None


def test_a_wrong_record_is_refused() -> None:
    from interleaf_sotopia.judges import _checked

    row = sample_dialogues()[0]
    row["participant_info"]["a1"]["outcomes"]["points_scored"] = 36
    with pytest.raises(ValueError, match="points"):
        _checked(row)


def test_scores_have_the_points_scale() -> None:
    table = CasinoScores().apply([casino.dialogue(r) for r in sample_dialogues()])
    known = [j for j in table.columns["judged"] if j is not None]
    assert len(table) == 4 and sum(known) / 4 == pytest.approx(sum(table.columns["reference"]) / 4)
