"""Which agent of which episode is learnt from (SOTOPIA-π, section 3), and a recipe that holds where
the paper's self-play filter does not. Knows nothing of the framework."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One agent in one episode: its ``score`` and the other's; ``overall`` breaks ties; ``partner``:
    whom it played with; ``agreed``: whether they came to a result at all."""

    task: str
    episode: str
    role: int
    score: float
    other: float = 0.0
    overall: float = 0.0
    partner: str = ""
    agreed: bool = True

    @property
    def joint(self) -> float:
        """Both scores together."""
        return self.score + self.other


def cloning(
    rows: Sequence[Rated], top_k: int = 2, threshold: bool = True, balance: bool = True
) -> list[Rated]:
    """The paper's filter for behaviour cloning.

    For each task and role the ``top_k`` best by score; then, rank by rank, those of whose episode both
    scores exceed min(mean of the task, mean of all). ``balance``: as many of one role as of the other.
    Ties are broken by ``overall``, then by the episode's name.
    """
    every = fmean(r.score for r in rows) if rows else 0.0
    kept: list[Rated] = []
    for group in _by(rows, lambda r: r.task).values():
        least = min(fmean(r.score for r in group), every)
        sides = [_ranked(side) for side in _by(group, lambda r: r.role).values()]
        ranks = max(map(len, sides))
        for rank in range(ranks):
            here = [side[rank] for side in sides if rank < len(side)]
            if rank >= top_k:
                if not threshold:
                    break
                here = [r for r in here if r.score > least and r.other > least]
                if balance and len(here) < len(sides):
                    break
            kept += here
    return kept


def self_play(rows: Sequence[Rated], top_frac: float = 0.2) -> list[Rated]:
    """The paper's filter for self-reinforcement: of each task the best fraction by score, one at least."""
    kept: list[Rated] = []
    for group in _by(rows, lambda r: r.task).values():
        kept += _ranked(group)[: max(1, round(top_frac * len(group)))]
    return kept


def advantage(
    rows: Sequence[Rated],
    top_frac: float = 0.25,
    least: float = 0.5,
    joint: bool = True,
    rank: str = "advantage",
) -> list[Rated]:
    """Those that did better than is usual in their place.

    An agreement, whose joint score is at least the task's median agreed one (``joint``); the advantage
    (score − mean over task, role and partner) at least ``least``; of these the best ``top_frac`` of all,
    by advantage, or by score (``rank="score"``).
    """
    usual = {k: fmean(r.score for r in g) for k, g in _by(rows, _place).items()}
    middle = {
        t: median(r.joint for r in g)
        for t, g in _by([r for r in rows if r.agreed], lambda r: r.task).items()
    }
    fine = [r for r in rows if r.agreed and not (joint and r.joint < middle[r.task])]
    if rank == "advantage":
        fine = [r for r in fine if r.score - usual[_place(r)] >= least]
        fine.sort(key=lambda r: (usual[_place(r)] - r.score, r.task, r.episode, r.role))
    elif rank == "score":
        fine.sort(key=lambda r: (-r.score, -r.overall, r.task, r.episode, r.role))
    return fine[: round(top_frac * len(rows))]


def _place(r: Rated) -> tuple[str, int, str]:
    return r.task, r.role, r.partner


def _ranked(rows: Sequence[Rated]) -> list[Rated]:
    return sorted(rows, key=lambda r: (-r.score, -r.overall, r.episode, r.role))


def _by(rows: Sequence[Rated], key: object) -> dict[object, list[Rated]]:
    assert callable(key)
    groups: dict[object, list[Rated]] = defaultdict(list)
    for r in sorted(rows, key=lambda r: (r.task, r.role)):
        groups[key(r)].append(r)
    return groups
