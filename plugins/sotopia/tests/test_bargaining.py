"""The game, its partners, and the learning: small, but real."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from interleaf_sotopia.bargaining import learning
from interleaf_sotopia.bargaining.blindspot import BlindJudge
from interleaf_sotopia.bargaining.components import Bargainer, DealGain, small
from interleaf_sotopia.bargaining.config import Fitting, GainConfig, ReinforceConfig
from interleaf_sotopia.bargaining.game import ACCEPT, MOVES, OFFER, Games, canonical, deals, play
from interleaf_sotopia.bargaining.partners import TRAINING, TUNING, UNSEEN, divisions, partner
from interleaf_sotopia.bargaining.policy import HEAD, Negotiator, Net, view
from interleaf_sotopia.bargaining.telling import episode

RNG = np.random.default_rng(0)


def test_tasks_are_as_described_and_parts_share_none() -> None:
    seen: dict[str, set[object]] = {}
    for part in ("held_out", "tuning", "training"):
        n = 1000 if part == "training" else 300
        found = deals(part, n, np.random.default_rng(1))
        assert ((found.counts.sum(1) >= 4) & (found.counts.sum(1) <= 7)).all()
        assert ((found.values * found.counts[:, None]).sum(2) == 10).all()
        seen[part] = {canonical(c, v) for c, v in zip(found.counts, found.values, strict=True)}
    assert len(seen["held_out"]) == 300
    assert (
        not seen["held_out"] & seen["tuning"]
        and not (seen["held_out"] | seen["tuning"]) & seen["training"]
    )
    with pytest.raises(ValueError, match="300 tasks"):
        deals("held_out", 301, RNG)


def test_points_by_hand() -> None:
    tasks = deals("tuning", 2, RNG)
    games = Games(tasks)
    both = np.arange(2)
    games.move(both, np.array([OFFER, OFFER]), tasks.counts)
    games.move(both, np.array([ACCEPT, OFFER]), tasks.counts)
    games.move(np.array([1]), np.array([OFFER]), tasks.counts[1:] + 1)
    assert games.over.all() and games.agreed.tolist() == [True, False]
    assert games.points().tolist() == [[10, 0], [0, 0]] and games.illegal().tolist() == [-1, 0]


@given(
    st.sampled_from([*TRAINING, *TUNING, *UNSEEN, "expert", "random"]),
    st.sampled_from([*UNSEEN, "expert", "random"]),
)
@settings(max_examples=30)
def test_scripted_players_keep_the_rules(first: str, second: str) -> None:
    games = play(
        deals("training", 40, np.random.default_rng(2)), partner(first, RNG), partner(second, RNG)
    )
    assert (games.illegal() == -1).all()
    points = games.points()
    assert ((points >= 0) & (points <= 10)).all() and (
        points.sum(1) <= games.deals.best_joint()
    ).all()


def test_every_division_is_there_once() -> None:
    tasks = deals("training", 50, RNG)
    shares, exist = divisions(tasks.counts)
    for i in range(50):
        found = {tuple(s) for s in shares[i][exist[i]]}
        assert len(found) == exist[i].sum() == (tasks.counts[i] + 1).prod()


def test_a_player_sees_the_others_offers_as_its_own_share() -> None:
    games = play(deals("training", 30, RNG), partner("lin8-4", RNG), partner("mirror", RNG))
    a, said_a = view(games, 0)
    b, said_b = view(games, 1)
    counts = games.deals.counts
    here = games.moved[:, 0] == OFFER
    assert (a[here, HEAD : HEAD + 3] + b[here, HEAD : HEAD + 3] == counts[here]).all()
    assert not (said_a & said_b).any()
    assert (a[:, 5:8] == games.deals.values[:, 0]).all() and (
        b[:, 5:8] == games.deals.values[:, 1]
    ).all()


def test_playing_with_a_cache_is_playing_without() -> None:
    import torch

    torch.manual_seed(0)
    net = Net(16, 2, 2)
    tokens, owner = torch.randint(0, 11, (3, 20)), torch.randint(0, 2, (3, 20))
    past: list[object] = [(), ()]
    parts = [net(tokens[:, a:b], owner[:, a:b], past) for a, b in ((0, 8), (8, 9), (9, 20))]
    assert torch.allclose(torch.cat(parts, 1), net(tokens, owner), atol=1e-5)


def test_illegal_moves_can_be_drawn_again() -> None:
    import torch

    torch.manual_seed(1)
    net, tasks = Net(16, 1, 2), deals("training", 100, RNG)
    share = [
        (
            play(tasks, Negotiator(net, 5, resample=again), partner("lin8-4", RNG)).illegal() == 0
        ).mean()
        for again in (0, 300)
    ]
    assert share[1] < share[0]


def test_a_little_training_teaches_the_rules() -> None:
    config = small()
    base = Bargainer(
        type(config)(
            d_model=32, layers=1, heads=2, tasks=60, games=10, fitting=Fitting(steps=120, batch=32)
        )
    )
    trained = base.fit().model
    tasks = deals("tuning", 60, RNG)
    before, after = (
        learning.measured(m.net, "lin8-4", tasks, 0, times=1).illegal.mean()
        for m in (Bargainer(base.config), trained)
    )
    assert after < 0.5 * before


def test_filters_choose_among_games() -> None:
    net = Net(8, 1, 2)
    c = ReinforceConfig(
        rounds=1, tasks=5, self_games=2, partner_games=1, partners=("lin8-4", "lin6-4")
    )
    views, rows = learning.own_games(net, deals("training", 5, RNG), c, 3)
    assert len(views) == len(rows) == 5 * (2 * 2 + 2 * 2)
    assert {r.partner for r in rows} == {"self", "lin8-4", "lin6-4"}
    assert len({(r.episode, r.role) for r in rows}) == len(rows)


def test_the_blind_judge_does_not_see_whether_they_agreed() -> None:
    games = play(deals("training", 60, RNG), partner("lin8-4", RNG), partner("lin9-5", RNG))
    views = learning.seen(games, 0)
    judge = BlindJudge.learnt(views, games.points()[:, 0])
    assert judge(views) == pytest.approx(games.points()[:, 0], abs=9)
    none = learning.Seen(views.tokens.copy(), views.owner, views.said)
    theirs = ~views.said
    theirs[:, :HEAD] = False
    none.tokens[theirs] = 0
    assert (judge(none) == judge(views)).all()


def test_gains_are_paired_and_pooled() -> None:
    from interleaf.values import Item

    models = {}
    for arm, seed in (("base", 1), ("cloned", 2), ("reinforced", 2)):
        made = Bargainer(small())
        made.initialise(seed)
        models[arm] = [Item(made, arm, "", {"seed": s}) for s in (11, 12)]
    report = DealGain(GainConfig(tasks=20, times=1, part="tuning", resample=2)).evaluate(**models)
    same = report["bc_sr_minus_bc"]
    assert same.value == 0 and same.interval == (0, 0), "equal policies play equal games"
    assert {m.group for m in report.measures if m.name == "bc_minus_base" and m.group} == {
        f"seed={s}/{p}" for s in (11, 12) for p in ("lin8-4", "boulware", "mirror")
    }
    assert report["bc_sr_minus_control"].value is None


def test_a_game_in_words() -> None:
    games = play(deals("training", 5, RNG), partner("lin6-4", RNG), partner("lin6-4", RNG))
    e = episode(games, 0, "x", ("a", "b"))
    assert len(e.turns) <= MOVES and "I take" in e.turns[0].action.argument and len(e.points) == 2
