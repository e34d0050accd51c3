"""Every shape that a pipeline may have, run for real with the toy plugins."""

import json
import math

import numpy as np
import pytest

from interleaf import ModelHandle
from interleaf.errors import InterleafError, StoreError


def pixels(value):
    return value.pixels.tobytes()


def test_fit_then_generate_continues_with_the_trained_model(run):
    result = run("""
        steps:
          data: {use: toy.images, with: {n: 4}}
          lm:   {use: toy.mean, call: fit, with: {steps: 12}, needs: {data: data}}
          text: {of: lm, call: generate, with: {count: 2, noise: 0.0}}
          grey: {use: toy.mean}
          flat: {of: grey, call: generate}
        """)
    handle = result.value("lm.model")
    assert isinstance(handle, ModelHandle) and handle.component == "toy.mean"
    mean = handle.load().mean
    wide = result.value("text").pixels
    assert wide.shape[1] == 2 * mean.shape[1]
    assert np.abs(wide[:, : mean.shape[1]] / 255 - mean).max() < 1 / 255
    assert len(result.value("lm.log")) == 12
    assert set(np.unique(result.value("flat").pixels)) <= {127, 128}


def test_a_dataset_is_mapped_over_a_port_and_keeps_its_ids(run):
    result = run("""
        steps:
          data:  {use: toy.images, with: {n: 3}}
          noisy: {use: toy.noise, with: {strength: 0.2}, needs: {image: data}}
          score: {use: toy.psnr, needs: {subject: noisy, reference: data}}
        """)
    noisy, data = result.value("noisy"), result.value("data")
    assert list(noisy.ids()) == list(data.ids()) == ["0", "1", "2"]
    assert len({pixels(a) for a in noisy}) == 3
    each = [result.metrics[f"score.psnr/{i}"]["value"] for i in data.ids()]
    assert result.metrics["score.psnr"] == {
        "value": pytest.approx(sum(each) / 3), "reason": "", "unit": "dB", "direction": "up", "n": 3,
        "interval": None,
    }  # fmt: skip


def test_one_picture_is_not_mapped(run):
    result = run("""
        steps:
          data:  {use: toy.images, with: {n: 1}}
          model: {use: toy.mean, call: fit, needs: {data: data}}
          made:  {of: model, call: generate}
          score: {use: toy.psnr, needs: {subject: made, reference: made}}
        """)
    entry = result.metrics["score.psnr"]
    assert entry["value"] is None and "inf" in entry["reason"]


def test_each_fans_out_everything_downstream_and_a_star_gathers(run):
    result = run("""
        steps:
          data:  {use: toy.images, with: {n: 2}}
          noisy: {use: toy.noise, each: {strength: [0.1, 0.4], seed: [1, 2, 3]}, needs: {image: data}}
          score: {use: toy.psnr, needs: {subject: noisy, reference: data}}
          rows:  {use: core.collect, needs: {reports: score}}
          page:  {use: toy.text, needs: {items: [rows, score]}}
        outputs: {page: page, noisy: noisy}
        """)
    assert len(result.manifest["steps"]) == 1 + 6 + 6 + 1 + 1
    table = result.value("rows")
    assert list(table.columns)[:2] == ["strength", "seed"]
    overall = [r for r in table.rows if r["group"] == "all"]
    assert [(r["strength"], r["seed"]) for r in overall] == [
        (0.1, 1), (0.1, 2), (0.1, 3), (0.4, 1), (0.4, 2), (0.4, 3),
    ]  # fmt: skip
    assert len({r["psnr (dB)"] for r in overall}) == 6
    assert "score[seed=2,strength=0.4].psnr" in result.metrics
    (page,) = result.outputs["page"]
    assert page.read_text().count("score[") == 6
    assert len(result.outputs["noisy"]) == 6 and all(p.is_dir() for p in result.outputs["noisy"])


def test_a_seed_coordinate_stands_for_the_root_seed(run):
    steps = """
        steps:
          data:  {use: toy.images, with: {n: 1}}
          noisy: {use: toy.noise, each: {seed: [5, 6]}, needs: {image: data}}
        """
    fanned = run(steps, seed=99)
    alone = run(steps.replace(", each: {seed: [5, 6]}", ""), seed=5, name="other")
    (a,), (b,) = fanned.value("noisy", seed=5), alone.value("noisy")
    assert pixels(a) == pixels(b)


def test_a_schedule_is_wired_from_a_step_and_filled_inline(run):
    result = run("""
        steps:
          data: {use: toy.images, with: {n: 4}}
          warm: {use: core.linear, with: {start: 0.0, stop: 1.0, length: 4}}
          a: {use: toy.mean, call: fit, with: {steps: 4}, needs: {data: data, lr: warm}}
          b:
            use: toy.mean
            call: fit
            with: {steps: 4, lr: {use: core.linear, with: {start: 0.0, stop: 1.0, length: 4}}}
            needs: {data: data}
          base: {use: toyother.tint}
          c: {use: toy.trainer, call: fit, with: {steps: 4}, needs: {model: base, data: data, lr: warm}}
        """)
    for step in ("a", "b", "c"):
        assert result.value(f"{step}.log").columns["rate"] == [0.0, 0.25, 0.5, 0.75]
    assert np.array_equal(result.value("a.model").load().mean, result.value("b.model").load().mean)


def test_two_plugins_hand_over_a_model(run):
    result = run("""
        steps:
          data:  {use: toy.images, with: {n: 2}}
          base:  {use: toyother.tint}
          lm:    {use: toy.trainer, call: fit, with: {steps: 6}, needs: {model: base, data: data}}
          other: {use: toyother.apply_model, needs: {model: lm.model, image: data}}
          same:  {of: lm, call: apply, needs: {image: data}}
        outputs: {weights: lm.model}
        """)
    assert result.value("lm.model").component == "toyother.tint"
    assert [pixels(i) for i in result.value("other")] == [pixels(i) for i in result.value("same")]
    (folder,) = result.outputs["weights"]
    assert {p.name for p in folder.iterdir()} == {"color.npy", "interleaf.json"}


def test_a_model_may_fill_a_port_of_a_config(run):
    result = run("""
        steps:
          data:  {use: toy.images, with: {n: 2}}
          base:  {use: toyother.tint}
          lm:    {use: toy.trainer, call: fit, needs: {model: base, data: data}}
          blend: {use: toyother.blend, with: {weight: 1.0}, needs: {inner: lm.model, image: data}}
          same:  {of: lm, call: apply, needs: {image: data}}
        """)
    assert [pixels(i) for i in result.value("blend")] == [pixels(i) for i in result.value("same")]


def test_a_kind_of_one_plugin_enters_another(run):
    result = run("""
        steps:
          data:    {use: toy.images, with: {n: 2}}
          palette: {use: toy.palette, needs: {image: data}}
          few:     {use: toyother.recolour, needs: {image: data, palette: palette}}
        """)
    assert all(len(np.unique(i.pixels.reshape(-1, 3), axis=0)) <= 3 for i in result.value("few"))


def test_datasets_are_made_of_datasets(run):
    result = run("""
        steps:
          a: {use: toy.images, with: {n: 2}}
          b: {use: toy.images, with: {n: 1, size: 8}}
          both: {use: toy.join, each: {order: [old, new]}, needs: {old: a, new: b}}
          noisy: {use: toy.noise, needs: {image: both}}
        """)
    assert list(result.value("noisy", order="new").ids()) == ["new/0", "old/0", "old/1"]


def test_a_dataset_of_a_stars_kind_gives_its_items(run):
    result = run("""
        steps:
          data:  {use: toy.images, with: {n: 3}}
          judge: {use: toy.judge, needs: {subject: data}}
          count: {use: toy.count, needs: {reports: judge}}
        """)
    assert result.metrics["count.reports"]["value"] == 1
    assert result.metrics["judge.error"]["reason"].startswith("no reference") or (
        result.metrics["judge.error"]["value"] is None
    )


@pytest.mark.parametrize(
    ("outcome", "code", "published"),
    [("pass", 0, True), ("fail", 6, False), ("review", 7, False), ("insufficient", 7, False)],
)
def test_a_gate_passes_blocks_and_asks_for_review(run, outcome, code, published):
    result = run(f"""
        steps:
          data: {{use: toy.images, with: {{n: 1}}}}
          lm:   {{use: toy.mean, call: fit, needs: {{data: data}}}}
          gate: {{use: toy.gate, with: {{outcome: {outcome}}}}}
          note: {{use: toy.text, needs: {{items: gate}}}}
        outputs:
          weights: {{from: lm.model, gate: gate}}
          note: note
        """)
    assert result.exit_code == code
    assert bool(result.outputs["weights"]) is published
    assert (result.folder / "outputs" / "weights").exists() is published
    assert result.outputs["note"], "an output without a gate is published all the same"
    assert result.manifest["status"] == {0: "ok", 6: "blocked", 7: "review"}[code]


def test_a_gate_that_closes_takes_back_what_an_earlier_run_published(run):
    text = """
        steps:
          note: {use: toy.text, needs: {items: gate}}
          gate: {use: toy.gate, with: {outcome: pass}}
        outputs: {note: {from: note, gate: gate}}
        """
    assert (run(text).outputs["note"][0]).exists()
    blocked = run(text.replace("outcome: pass", "outcome: fail"))
    assert blocked.exit_code == 6 and not list((blocked.folder / "outputs").iterdir())


def test_one_bad_coordinate_withholds_a_fanned_out_output(run):
    result = run("""
        steps:
          data:  {use: toy.images, with: {n: 1}}
          noisy: {use: toy.noise, each: {strength: [0.0, 0.5]}, needs: {image: data}}
          judge: {use: toy.judge, needs: {subject: noisy, reference: data}}
          gate:  {use: toy.gate, with: {measure: error, limits: {high: 0.01}}, needs: {evidence: judge}}
        outputs: {noisy: {from: noisy, gate: gate}}
        """)
    assert result.exit_code == 6 and result.outputs["noisy"] == []


def test_frames_and_missing_ids_fail_with_one_clear_error(run):
    with pytest.raises(InterleafError, match="items differ"):
        run("""
            steps:
              a: {use: toy.images, with: {n: 2}}
              b: {use: toy.images, with: {n: 3}}
              score: {use: toy.psnr, needs: {subject: a, reference: b}}
            """)


def test_values_through_any_are_checked_when_they_arrive(run):
    with pytest.raises(InterleafError, match="should be image"):
        run("""
            steps:
              tokens: {use: toy.tokens, with: {n: 1}}
              any: {use: toy.pass, needs: {x: tokens}}
              noisy: {use: toy.noise, needs: {image: any}}
            """)


def test_memory_and_disk_give_the_same(run):
    text = """
        steps:
          data:  {use: toy.images, with: {n: 2}}
          lm:    {use: toy.mean, call: fit, needs: {data: data}}
          made:  {of: lm, call: generate, with: {noise: 0.3}}
          noisy: {use: toy.noise, needs: {image: data}}
          score: {use: toy.psnr, needs: {subject: noisy, reference: data}}
        """
    a, b = run(text), run(text, store="memory:")
    assert pixels(a.value("made")) == pixels(b.value("made"))
    assert a.metrics == b.metrics and math.isfinite(a.metrics["score.psnr"]["value"])


def test_jobs_give_what_one_process_gives(run, tmp_path):
    text = """
        steps:
          data:  {use: toy.images, with: {n: 2}}
          noisy: {use: toy.noise, each: {strength: [0.1, 0.2, 0.3]}, needs: {image: data}}
          score: {use: toy.psnr, needs: {subject: noisy, reference: data}}
          rows:  {use: core.collect, needs: {reports: score}}
        """
    one = run(text)
    two = run(text, jobs=2, store=str(tmp_path / "second"))
    assert one.metrics == two.metrics
    keys = [{n: s["key"] for n, s in r.manifest["steps"].items()} for r in (one, two)]
    assert keys[0] == keys[1] and not any(s["hit"] for s in two.manifest["steps"].values())


def test_of_several_at_a_time_the_one_that_failed_is_named(run, tmp_path):
    text = """
        steps:
          ramp: {use: core.linear, with: {start: 0, stop: 10, length: 10}}
          rows: {use: core.tabulate, with: {points: 11}, needs: {schedule: ramp}}
          sums: {use: toy.together, with: {fails: 0}, needs: {x: rows}}
          kept: {use: toy.pass, needs: {x: rows}}
        """
    with pytest.raises(InterleafError, match="step 'sums' failed: process 0 does not like it"):
        run(text, jobs=2)
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())["steps"]
    assert told["sums"]["why"] == "failed" and told.get("kept", {}).get("why") != "failed"


def test_a_store_of_an_unknown_kind_is_one_error(run):
    with pytest.raises(StoreError, match="no installed plugin opens the store strange://x"):
        run("steps: {a: {use: core.constant, with: {value: 1}}}", store="strange://x")
