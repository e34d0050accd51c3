"""Negotiations of people played by a model, and the best of them to learn from."""

import pytest

import interleaf
from interleaf.errors import InvalidInput
from interleaf.interfaces import Context
from interleaf.pipeline.collection import Collection
from interleaf_sotopia import casino
from interleaf_sotopia.cloning import Presser, best
from interleaf_sotopia.judges import sample_dialogues

PEOPLE = {str(r["dialogue_id"]): casino.dialogue(r) for r in sample_dialogues()}


def test_games_keep_the_priorities_and_their_points_are_those_of_their_moves() -> None:
    play = interleaf.load("sotopia.casino_games", repetitions=2)
    games = dict(
        play(model=Presser(), dialogues=Collection.of(PEOPLE), ctx=Context(seed=3)).items()
    )
    assert len(games) == 2 * len(PEOPLE)
    for name, game in games.items():
        assert game.values == PEOPLE[name.rsplit("-", 1)[0]].values
        assert game.points == casino.points(game) and game.satisfaction == (None, None)
        assert [m.who for m in game.moves] == [n % 2 for n in range(len(game.moves))]


def test_only_the_model_s_moves_in_the_best_games_are_learnt_from() -> None:
    games = list(
        interleaf.load("sotopia.casino_games")(model=Presser(), dialogues=Collection.of(PEOPLE))
    )
    few = best(games, 0.5)
    worst = min(g.points[0] for g in few)
    left = [g for g in games if g not in few]
    assert few and all(g.points[0] <= worst for g in left)
    pairs = interleaf.load("sotopia.casino_pairs", speaker="first", top_frac=0.5)
    learnt = list(pairs.open(dialogues=Collection.of(games)))
    assert len(learnt) == sum(m.who == 0 for g in few for m in g.moves)


def test_without_dialogues_or_a_model_that_answers() -> None:
    play = interleaf.load("sotopia.casino_games")
    with pytest.raises(InvalidInput, match="no dialogues"):
        play(model=Presser(), dialogues=Collection.of([]))
    with pytest.raises(InvalidInput, match="cannot answer"):
        play(model=interleaf.load("sotopia.casino_games"), dialogues=Collection.of(PEOPLE))
