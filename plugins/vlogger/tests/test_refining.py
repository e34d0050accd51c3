"""The network over the compositor: it changes nothing untrained, nothing that a photo shows, and learns."""

from __future__ import annotations

import numpy as np
import pytest

from interleaf.errors import CorruptData, InvalidInput, WeightsMissing
from interleaf.interfaces import Context
from interleaf.pipeline.collection import Collection
from interleaf_vlogger.compositor import Compositor
from interleaf_vlogger.example import example_person, example_photo, example_turns
from interleaf_vlogger.looks import Dressed
from interleaf_vlogger.portraits import Portrait
from interleaf_vlogger.portrayed import Portraits
from interleaf_vlogger.video.judge import REGIONS, Renderers
from interleaf_vlogger.video_config import PortraitsConfig, RefinerConfig

torch = pytest.importorskip("torch")

from interleaf_training import Recipe  # noqa: E402
from interleaf_vlogger.refining.components import Refiner  # noqa: E402
from interleaf_vlogger.refining.learning import Pictures  # noqa: E402
from interleaf_vlogger.refining.network import CHANNELS, UNet, loss  # noqa: E402
from interleaf_vlogger.refining.window import box_about  # noqa: E402

SMALL = RefinerConfig(widths=(16, 24), side=48, cell=2)
PEOPLE = PortraitsConfig(people=12, frames=4, side=48, body="capsule", every=2)
RECIPE = Recipe(steps=80, batch=8, lr=1e-3, clip=10.0, log_every=10, weight_decay=0.01)


@pytest.fixture(scope="module")
def people():
    return Collection.of(list(Portraits(PEOPLE)))


@pytest.fixture(scope="module")
def fitted(people):
    return Refiner(SMALL).fit(people, None, RECIPE, Context(seed=1))


@pytest.fixture(scope="module")
def stirred():
    """A network whose every layer is random: it changes all that it may."""
    model = Refiner(SMALL)
    model.initialise(0)
    torch.manual_seed(0)
    for values in model.network.parameters():
        torch.nn.init.normal_(values, std=0.1)
    return model


def turned(person, turn=0.5):
    body, p = person.body, person.person
    rotvec = p.rotvec.copy()
    rotvec[0, body.topology.joint_names.index("neck"), 1] = turn
    return body(rotvec, None, p.transl[None]).vertices[0]


@torch.no_grad()
def test_an_untrained_network_changes_nothing():
    torch.manual_seed(0)
    network = UNet((8, 16), 2)
    frame = torch.rand(2, 3, 16, 24)
    made = network.corrected(frame, torch.randn(2, CHANNELS, 16, 24))
    assert torch.equal(made, frame) and network.step == 4
    person = Portrait(3, "capsule", 64)
    model = Refiner(SMALL)
    model.initialise(0)
    known = model.over(person.photo(), person.person, "all")
    moved = turned(person)
    assert np.array_equal(
        known.frame(moved), Compositor(person.photo(), person.person).frame(moved)
    )


def test_on_a_photo_all_but_its_holes_is_the_compositors_bit_for_bit(stirred):
    person = Portrait(3, "capsule", 96)
    photo, moved = person.photo(), turned(person)
    plain, drawn = Compositor(photo, person.person), None
    drawn = plain.drawn(moved)
    made = stirred.over(photo, person.person).frame(moved)
    changed = (made != drawn.frame).any(-1)
    assert changed.sum() > 20
    assert not changed[~drawn.hides].any() and not changed[drawn.painted].any()
    still = person.body(person.person.rotvec, None, person.person.transl[None]).vertices[0]
    assert np.array_equal(stirred.over(photo, person.person).frame(still), photo)


def test_on_drawn_people_it_acts_near_the_body_alone(stirred):
    person = Portrait(3, "capsule", 96)
    photo, moved = person.photo(), turned(person)
    plain = Compositor(photo, person.person)
    drawn = plain.drawn(moved)
    changed = (stirred.over(photo, person.person, "all").frame(moved) != drawn.frame).any(-1)
    body = (drawn.part > 0) | (plain.part > 0)
    assert changed[body].mean() > 0.9
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    margin = 20
    assert not changed[: max(rows[0] - margin, 0)].any()
    assert not changed[:, : max(columns[0] - margin, 0)].any()


def test_training_lowers_the_error_and_the_judge_sees_it(fitted):
    rows = fitted.log.columns["loss"]
    assert np.mean(rows[-3:]) < -0.1  # 0 is the compositor
    held = Portraits(PortraitsConfig(part="held", people=3, frames=3, side=48, body="capsule"))
    report = Renderers().evaluate(data=held, refined=fitted.model)
    gains = {m.group: m.value for m in report.measures if m.name == "refined_gain"}
    assert set(gains) == set(REGIONS) and gains["body holes"] > 0.3
    table = report.tables[0].columns
    assert table["renderer"] == ["copy", "compositor", "refined", "refined_holes"]
    made = dict(zip(table["renderer"], table["visible body"], strict=True))
    assert made["refined"] - made["compositor"] == pytest.approx(gains["visible body"])
    # where the photo shows the body, correcting holes alone changes nothing
    assert made["refined_holes"] == made["compositor"]
    video = next(m for m in report.measures if m.name == "video_psnr")
    assert video.value is None and "no vlogger.video" in video.reason


def test_what_is_no_refiner_is_refused(fitted):
    with pytest.raises(InvalidInput, match=r"no vlogger\.refiner"):
        Renderers().evaluate(data=[], refined=object())


def test_a_training_that_was_killed_goes_on_to_the_same_bits(people, tmp_path, monkeypatch):
    import interleaf_vlogger.refining.learning as parts

    recipe = Recipe(steps=12, batch=4, lr=1e-3, checkpoint_every=5)
    whole = Refiner(SMALL).fit(people, None, recipe, Context(seed=1))
    calls, real = [], parts.loss

    def dying(*a):
        calls.append(1)
        if len(calls) == 16:  # twice a step
            raise KeyboardInterrupt
        return real(*a)

    monkeypatch.setattr(parts, "loss", dying)
    with pytest.raises(KeyboardInterrupt):
        Refiner(SMALL).fit(people, None, recipe, Context(seed=1, resume=tmp_path))
    monkeypatch.setattr(parts, "loss", real)
    again = Refiner(SMALL).fit(people, None, recipe, Context(seed=1, resume=tmp_path))
    a, b = whole.model.module.state_dict(), again.model.module.state_dict()
    assert all(torch.equal(a[n], b[n]) for n in a)


def test_it_draws_a_photo_of_its_own_size_and_is_saved(fitted, tmp_path):
    call = {"image": example_photo(), "person": example_person(), "motion": example_turns()}
    frames = fitted.model.apply(**call)
    assert frames.pixels.shape == (2, 64, 72, 3)
    fitted.model.save(tmp_path)
    loaded = Refiner(RefinerConfig(widths=(16, 24), side=48, cell=2, weights=str(tmp_path)))
    assert np.array_equal(loaded.apply(**call).pixels, frames.pixels)


def test_weights_of_another_size_and_broken_ones_are_refused(fitted, tmp_path):
    fitted.model.save(tmp_path)
    with pytest.raises(CorruptData, match="another model"):
        _ = Refiner(RefinerConfig(widths=(8, 24), side=48, cell=2, weights=str(tmp_path))).module
    file = tmp_path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CorruptData, match="cannot be read"):
        _ = Refiner(RefinerConfig(weights=str(tmp_path))).module


def test_without_weights_there_is_an_error_that_says_what_to_do():
    with pytest.raises(WeightsMissing, match=r"vlogger\.refiner has no weights"):
        Refiner(SMALL).over(example_photo().pixels, example_person())


def test_a_side_that_the_network_cannot_halve_is_refused(people):
    with pytest.raises(InvalidInput, match="cannot be halved"):
        Refiner(RefinerConfig(widths=(16, 24), side=50, cell=2)).fit(people, None, RECIPE)


def test_without_people_there_is_nothing_to_train_on():
    with pytest.raises(InvalidInput, match="nothing to train on"):
        Refiner(SMALL).fit(Collection.of([]))


def test_samples_are_a_function_of_their_number(people):
    one, other = (Pictures(people, 48, 3) for _ in range(2))
    a, b = one.batch(5, 9), other.batch(7, 8)
    assert torch.equal(a["frame"][2], b["frame"][0]) and one.fingerprint() == other.fingerprint()
    assert Pictures(people, 48, 4).fingerprint() != one.fingerprint()


def test_each_region_counts_alike_however_small():
    true = torch.zeros(1, 3, 16, 16)
    part, masks = torch.ones(1, 16, 16), torch.zeros(1, 16, 16, 2)
    masks[0, :2, :, 0] = 255  # an eighth of the body is hidden
    where = torch.ones(1, 1, 16, 16)

    def lost(hidden, shown):
        made = true.clone()
        made[0, :, :2], made[0, :, 2:] = hidden, shown
        return float(loss(made, true, masks, part, where))

    assert lost(0.1, 0.2) == pytest.approx(lost(0.2, 0.1), abs=1e-5)
    assert lost(0.1, 0.1) < lost(0.1, 0.2)


def test_the_window_is_a_square_about_the_body_as_far_as_the_picture_goes():
    body = np.zeros((100, 200), bool)
    body[40:60, 50:90] = True
    rows, columns = box_about(body)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (27, 73, 47, 93)
    body[:] = True
    assert box_about(body) == (slice(0, 100), slice(0, 200))
    assert box_about(np.zeros((5, 6), bool)) == (slice(0, 5), slice(0, 6))


def test_dressed_people_differ_stand_off_the_mesh_and_keep_a_still_background():
    one, other = (Dressed(n, "capsule", 64) for n in (1000, 1001))
    assert not np.array_equal(one.photo(), other.photo()) and one.off.max() > 0.001
    still = one.body(one.person.rotvec, None, one.person.transl[None]).vertices[0]
    a, part = one.draw(still)
    b, turned_part = one.draw(turned(one))
    assert np.array_equal(a, one.photo()) and a.shape == (64, 64, 3)
    away = (part == 0) & (turned_part == 0)
    away[1:, 1:] &= away[:-1, :-1]
    away[:-1, :-1] &= away[1:, 1:]
    assert (a != b).any() and np.abs(a.astype(int) - b)[away].mean() < 1


def test_the_pipeline_trains_and_judges(tmp_path):
    import interleaf

    run = interleaf.run(
        "vlogger/refine-small", out=tmp_path, people=4, held=2, frames=2, side=32, body="capsule", steps=3,
        batch=2, widths=[8, 16], store=str(tmp_path / "store"),
    )  # fmt: skip
    measured = run.metrics
    assert measured["eval.refined_psnr"]["value"] is not None
    assert measured["eval_plain.refined_worst_holes"]["value"] is not None


def test_speak_draws_with_given_weights(fitted, tmp_path):
    from interleaf_vlogger.commands import _drawer
    from interleaf_vlogger.refining.refined import Refined

    config = RefinerConfig()
    model = Refiner(config)
    model.initialise(0)
    model.save(tmp_path)
    person = Portrait(3, "capsule", 96)
    drawer = _drawer("refiner", tmp_path, person.photo(), person.person)
    assert isinstance(drawer, Refined) and drawer.where == "holes"
    plain = _drawer("compositor", None, person.photo(), person.person)
    assert type(plain) is Compositor
