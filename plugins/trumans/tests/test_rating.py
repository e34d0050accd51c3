"""A page to choose between walkers: films of the same ways, no names on it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from interleaf.api import run
from interleaf.errors import InvalidInput
from interleaf.pipeline.collection import Collection
from interleaf_body.bvh_writing import format_bvh
from interleaf_trumans.components import motion_of
from interleaf_trumans.config import FilmConfig
from interleaf_trumans.examples import example_scene, example_walk
from interleaf_trumans.filming import Film
from interleaf_trumans.walking.gait import made_clips

SAMPLES = Path(__file__).parents[1] / "src" / "interleaf_trumans" / "samples"


def test_a_film_is_of_a_walk_in_its_scene() -> None:
    film = Film(FilmConfig(width=48, height=32, body="capsule", every=10, seconds=1.5))
    walks = {"a": example_walk(1.2), "b": example_walk(1.2), "c": example_walk(-1.2)}
    made = dict(film.apply(Collection.of(walks), Collection.of([example_scene()])).items())
    assert made["a"].pixels.shape == (5, 32, 48, 3)  # 45 frames, every tenth
    assert made["a"].fps == Fraction(3)
    assert (made["a"].pixels == made["b"].pixels).all()
    assert (made["a"].pixels != made["c"].pixels).mean() > 0.05
    with pytest.raises(InvalidInput, match="scene 'hall'"):
        film.apply(Collection.of(walks), Collection.of([example_scene("other")]))


def test_the_page_lays_two_walkers_side_by_side(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for clip in made_clips()[:3]:
        (clips / f"walk_{clip.name}.bvh").write_text(format_bvh(motion_of(clip)))
    run("trumans/rating", out=tmp_path / "out", store="memory:", scenes=SAMPLES / "hall.obj", motion=clips,
        pairs=1, seconds=0.4, body="capsule")  # fmt: skip
    page = next((tmp_path / "out" / "outputs").rglob("*.html")).read_text("utf-8")
    assert page.count("<template") == 2
    assert (
        page.count("data:video/mp4") + page.count("data:image/apng") + page.count("data:image/png")
        == 2
    )
    assert "Which of the two walks" in page
