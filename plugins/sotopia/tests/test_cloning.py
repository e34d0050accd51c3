"""People's negotiations cloned: pairs, baselines, games against a script."""

import json
from pathlib import Path

from interleaf.interfaces import Context
from interleaf_sotopia import casino
from interleaf_sotopia.casino_games import played
from interleaf_sotopia.cloning import CasinoActions, CasinoPairs, Ngram, Presser, reply
from interleaf_sotopia.config import CasinoActionsConfig, CasinoConfig, CasinoPairsConfig
from interleaf_sotopia.judges import Casino, sample_dialogues


def test_every_move_is_a_pair_that_fits(social: Path) -> None:
    data = Casino(CasinoConfig(path=str(social / "casino_valid.jsonl")))
    pairs = CasinoPairs(CasinoPairsConfig(characters=300)).open(data)
    assert len(pairs) == sum(len(d.moves) for d in data) == 402
    for asked, said in pairs:
        assert len(asked["content"]) <= 300 or asked["content"].count("\n") == 0
        assert json.loads(said["content"])["action"] in ("Talk", *casino.ACTIONS)


def test_a_deal_is_told_from_either_side() -> None:
    d = casino.dialogue(sample_dialogues()[0])
    deal = next(m for m in d.moves if m.kind == casino.SUBMIT)
    assert json.loads(reply(deal)) == {
        "action": "Submit-Deal",
        "food": 1,
        "water": 2,
        "firewood": 2,
    }
    assert casino.told(deal, deal.who).endswith("I get food 1, water 2, firewood 2")
    assert casino.told(deal, 1 - deal.who).endswith("I get food 2, water 1, firewood 1")


def test_the_baselines_are_what_they_say(social: Path) -> None:
    train, held = (
        list(Casino(CasinoConfig(path=str(social / f"casino_{n}.jsonl"))))
        for n in ("train", "valid")
    )
    known = Ngram(train)
    assert known.guess(["Talk", "Submit-Deal"]) == "Accept-Deal" and known.guess([]) == "Talk"
    report = CasinoActions(CasinoActionsConfig(games=2)).evaluate(Presser(), held, train)
    talk = sum(m.kind == "say" for d in held for m in d.moves) / sum(len(d.moves) for d in held)
    assert report["accuracy.majority"].value == talk == report["accuracy.model"].value, (
        "it always talks"
    )
    assert (report["accuracy.ngram"].value or 0) > talk
    assert (report["accuracy.model_minus_ngram"].interval or (0, 0))[1] < 0


def test_a_game_against_the_script_ends_with_points() -> None:
    d = casino.dialogue(sample_dialogues()[0])
    got = played(Presser(), d, 300, Context()).points[0]
    # the script keeps all of its best issue and two of the next, and leaves the rest
    assert got == 4 * 1 + 3 * 3


def test_a_move_is_written_as_a_schema_makes_a_model_write():
    d = casino.dialogue(sample_dialogues()[0])
    assert all(": " not in reply(m).split('"text"')[0] for m in d.moves)
    assert reply(d.moves[0]).startswith('{"action":"')
