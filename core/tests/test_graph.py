"""Steps become a graph: order, wires, mapping, axes, models that travel, ports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interleaf.pipeline.plan import Plan, Step, Wire, load_plan
from interleaf.pipeline.seeds import derive_seed

Planner = Callable[..., Plan]
Found = list[tuple[str, str, int]]

TOP = """version: 1
steps:
  photos: {use: toy.images, with: {n: 2, size: 8}}
  others: {use: toy.images, with: {n: 3, size: 8}}
  tokens: {use: toy.tokens, with: {n: 3}}
"""
ROOT = Path(__file__).parents[2]
VALID = sorted((ROOT / "spec" / "examples" / "valid").glob("*.yaml"))


def settings_of(file: Path) -> dict[str, str]:
    """What the line ``# set: a=b`` of an example gives."""
    lines = (line for line in file.read_text().splitlines() if line.startswith("# set: "))
    return dict(pair.split("=") for line in lines for pair in line[7:].split())


@pytest.fixture
def step(plan: Planner) -> Callable[[str], Step]:
    """The last of some steps written below :data:`TOP`."""
    return lambda text: list(plan(TOP + text).steps.values())[-1]


@pytest.mark.parametrize("file", VALID, ids=lambda file: str(file.stem))
def test_valid_examples(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    planned = load_plan(file, settings_of(file))
    done: set[str] = set()
    for name, step in planned.steps.items():
        assert {w.step for w in step.upstream} <= done
        done.add(name)


def test_steps_stand_in_document_order_where_they_can(plan: Planner) -> None:
    text = """version: 1
steps:
  d: {use: toy.pass, needs: {x: b}}
  a: {use: toy.images, with: {n: 1}}
  b: {use: toy.pass, needs: {x: a}}
  c: {use: toy.images, with: {n: 1}}
"""
    assert list(plan(text).steps) == ["a", "b", "d", "c"]


def test_a_long_chain(plan: Planner) -> None:
    chain = "".join(f"  s{i}: {{use: toy.pass, needs: {{x: s{i + 1}}}}}\n" for i in range(3000))
    assert len(plan(f"version: 1\nsteps:\n{chain}  s3000: {{use: core.cosine}}\n").steps) == 3001


def test_mapping_over_items(plan: Planner, step: Callable[[str], Step]) -> None:
    noisy = step("  n: {use: toy.noise, needs: {image: photos}}\n")
    assert noisy.mapped == {"image"} and noisy.gives == {"image": "dataset[image]"}
    score = step("  e: {use: toy.psnr, needs: {subject: photos, reference: photos}}\n")
    assert score.mapped == {"subject", "reference"} and score.gives == {"report": "report"}
    codec = step("  c: {use: toy.codec, with: {rate: 1}, needs: {data: photos}}\n")
    assert not codec.mapped and codec.gives == {"images": "dataset[image]"}
    code = step("  c: {use: toy.codec, with: {rate: 1}, call: encode, needs: {image: photos}}\n")
    assert code.gives == {"code": "dataset[bytes]"}
    anything = step("  p: {use: toy.pass, needs: {x: photos}}\n")
    assert not anything.mapped and anything.gives == {"x": "any"}


def test_datasets_are_gathered_into_many(step: Callable[[str], Step]) -> None:
    text = "  n: {use: toy.noise, needs: {image: photos}}\n"
    page = step(text + "  p: {use: toy.text, needs: {items: [photos, n, tokens]}}\n")
    assert not page.mapped and [w.step for w in page.wires["items"]] == ["photos", "n", "tokens"]
    one = step("  p: {use: toy.text, needs: {items: photos}}\n")
    assert one.wires == {"items": [Wire("photos", "images", "dataset[image]")]}


def test_narrowing_from_any_is_left_to_the_run(step: Callable[[str], Step]) -> None:
    text = "  p: {use: toy.pass, needs: {x: tokens}}\n  n: {use: toy.noise, needs: {image: p}}\n"
    assert not step(text).mapped


def test_making_and_calling(step: Callable[[str], Step]) -> None:
    made = step("  m: {use: toy.mean, with: {steps: 3}}\n")
    assert (made.call_name, made.gives, made.config["steps"]) == ("", {"model": "model"}, 3)
    assert step("  s: {use: core.cosine}\n").gives == {"schedule": "schedule"}
    wired = "  s: {use: core.cosine}\n  m: {use: toy.mean, needs: {lr: s}}\n"
    assert step(wired).call_name == "" and step(wired).ports["lr"].step == "s"
    assert step("  m: {use: toy.mean, needs: {image: photos}}\n").call_name == "apply"
    fitted = step("  m: {use: toy.mean, call: fit, needs: {data: photos}}\n")
    assert fitted.gives == {"model": "model", "log": "table"}
    assert step("  c: {use: toy.codec, each: {rate: [1, 2]}}\n").call_name == ""
    fanned = step("  c: {use: toy.codec, with: {rate: 1}, each: {data: [photos, others]}}\n")
    assert fanned.call_name == "apply" and fanned.own["data"].target == "wire"


def test_of_continues_with_the_model(plan: Planner) -> None:
    steps = plan(TOP + """\
  m: {use: toy.mean, call: fit, needs: {data: photos}}
  g: {of: m, call: generate, with: {count: 2}}
  h: {of: g, call: generate}
  u: {use: toy.mean, needs: {image: photos}}
  v: {of: u, call: generate}
""").steps  # fmt: skip
    assert steps["g"].of == Wire("m", "model", "model") and steps["g"].params == {
        "count": 2,
        "noise": 0.0,
    }
    assert steps["g"].config == {} and steps["g"].ref == "toy.mean"
    assert steps["h"].of == steps["g"].of  # a call that gives no model leaves it as it was
    assert steps["v"].of == Wire("u", "", "model")


def test_a_trainer_hands_on_the_model_it_was_given(plan: Planner, wrong: Any) -> None:
    text = (
        TOP
        + """\
  b: {use: toyother.tint}
  c: {use: toy.mean}
  t: {use: toy.trainer, call: fit, needs: {model: b, data: photos}}
  t2: {use: toy.trainer, call: fit, needs: {model: t.model, data: photos}}
  both: {use: toy.trainer, call: fit, each: {model: [b, c]}, needs: {data: photos}}
  a: {of: t2, needs: {image: photos}}
"""
    )
    steps = plan(text).steps
    assert steps["t2"].model_ref == "toyother.tint" and steps["t2"].ref == "toy.trainer"
    assert steps["a"].ref == "toyother.tint"
    assert wrong(text + "  x: {of: both, needs: {image: photos}}\n") == [("E403", "steps.x.of", 12)]


def test_axes_are_joined_passed_on_and_gathered(plan: Planner) -> None:
    planned = plan(TOP + """\
  n: {use: toy.noise, each: {strength: [0.1, 0.2]}, needs: {image: photos}}
  k: {use: toy.noise, each: {strength: [0.1, 0.2], seed: [1, 2, 3]}, needs: {image: photos}}
  e: {use: toy.psnr, needs: {subject: n, reference: k}}
  r: {use: core.collect, needs: {reports: e}}
  c: {use: toy.codec, each: {rate: [1, 2]}}
  d: {of: c, needs: {data: n}}
""")  # fmt: skip
    axes = {name: step.axes for name, step in planned.steps.items()}
    assert axes["n"] == ("strength",) and axes["k"] == ("strength", "seed")
    assert set(axes["e"]) == {"strength", "seed"} and axes["r"] == ()
    assert set(axes["d"]) == {"strength", "rate"}
    assert set(planned.axes) == {"strength", "seed", "rate"}
    combinations = planned.coordinates(("rate", "seed"))
    assert len(combinations) == 6 and combinations[1] == {"rate": 1, "seed": 2}


def test_axes_of_inputs_parameters_and_components(plan: Planner) -> None:
    steps = plan(TOP + """\
  n: {use: toy.noise, each: {strength: [0.1, 0.2]}, needs: {image: photos}}
  s: {use: core.cosine}
  m:
    use: toy.mean
    call: fit
    each:
      data: [photos, n]
      lr: [{use: core.cosine}, {use: toy.ramp, with: {length: 3}}]
  g: {of: m, call: generate, each: {noise: [0, 1]}}
  p: {use: toy.text, each: {items: [photos, n]}}
""").steps  # fmt: skip
    assert set(steps["m"].axes) == {"strength", "data", "lr"}
    assert steps["m"].own["lr"].labels == ("core.cosine", "toy.ramp(length=3)")
    assert steps["m"].own["lr"].values[1]["with"] == {"start": 0.0, "length": 3.0}
    assert steps["g"].own["noise"].target == "params" and steps["g"].own["noise"].values == (
        0.0,
        1.0,
    )
    assert set(steps["g"].axes) == {"strength", "data", "lr", "noise"}
    assert steps["p"].axes == ("items",)


def test_an_axis_of_a_config_port_over_steps(step: Callable[[str], Step]) -> None:
    text = "  s: {use: core.cosine}\n  m: {use: toy.mean, each: {lr: [s, s.schedule]}}\n"
    axis = step(text).own["lr"]
    assert axis.target == "wire" and axis.values == (Wire("s", "schedule", "schedule"),) * 2


def test_a_listed_text_that_is_also_the_name_of_a_step(plan: Planner) -> None:
    planned = plan("""version: 1
steps:
  c: {use: toy.pass, needs: {x: a}}
  a: {use: toy.shout, each: {ending: [c, d]}}
  d: {use: toy.pass, needs: {x: a}}
""")
    assert next(iter(planned.steps)) == "a" and planned.steps["c"].wires["x"]


def test_inline_definitions_are_complete(step: Callable[[str], Step]) -> None:
    made = step(
        "  m: {use: toy.mean, with: {lr: {use: core.scale, with: {of: {use: core.cosine}}}}}\n"
    )
    inner = {
        "use": "core.cosine",
        "with": {"start": 1.0, "stop": 0.0, "length": 1.0, "unit": "step"},
    }
    assert made.config["lr"] == {
        "use": "core.scale",
        "with": {"factor": 1.0, "stretch": 1.0, "of": inner},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  x: {use: toy.join, needs: {old: photos}}\n", [("E405", "steps.x.needs.new", 6)]),
        ("  x: {use: toy.join, needs: {old: photos, nwe: others}}\n", [("E301", "steps.x.needs.nwe", 6)]),
        ("  x: {use: toyother.blend}\n", [("E405", "steps.x.needs.inner", 6)]),
        ("  x: {use: toyother.blend, needs: {inner: photos}}\n", [("E403", "steps.x.needs.inner", 6)]),
        ("  x: {use: toy.mean, needs: {lr: [photos, others]}}\n", [("E403", "steps.x.needs.lr", 6)]),
        ("  x: {use: toy.trainer, needs: {data: photos}}\n", [("E406", "steps.x.call", 6)]),
        ("  x: {use: toy.mean, call: fit, each: {data: [photos, tokens]}}\n",
         [("E403", "steps.x.each.data[1]", 6)]),
        ("  g: {use: core.cosine}\n  x: {use: toy.mean, with: {lr: {use: core.cosine}}, needs: {lr: g}}\n",
         [("E302", "steps.x.needs.lr", 7)]),
        ("  b: {use: toy.nothing}\n  x: {use: toy.noise, needs: {image: b.anything}}\n",
         [("E203", "steps.b.use", 6)]),
        ("  b: 5\n  x: {use: toy.noise, needs: {image: b}}\n", [("E302", "steps.b", 6)]),
        ("  x: {of: photos.images, call: generate}\n", [("E406", "steps.x.of", 6)]),
        ("  m: {use: toy.mean, call: fit, needs: {data: photos}}\n  x: {of: m.log, call: generate}\n",
         [("E403", "steps.x.of", 7)]),
        ("  m: {use: toy.mean}\n  x: {of: m.weights, call: generate}\n", [("E404", "steps.x.of", 7)]),
        ("  x: {use: toy.noise, needs: {image: }}\n", [("E106", "steps.x.needs.image", 6)]),
        ("  x: {use: toy.noise, needs: [photos]}\n", [("E302", "steps.x.needs", 6)]),
        ("  x: {use: toy.noise, needs: {image: photos, image: others}}\n",
         [("E104", "steps.x.needs.image", 6)]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_graph(
    text: str, expected: Found, wrong: Callable[[str], Found]
) -> None:
    assert wrong(TOP + text) == expected


def test_all_circles_are_found(wrong: Callable[[str], Found]) -> None:
    pairs = [("a", "b"), ("b", "a"), ("c", "c"), ("d", "a")]
    lines = "".join(f"  {x}: {{use: toy.pass, needs: {{x: {y}}}}}\n" for x, y in pairs)
    assert wrong(f"version: 1\nsteps:\n{lines}") == [
        ("E402", "steps.a.needs.x", 3),
        ("E402", "steps.c.needs.x", 5),
    ]


def test_seeds_are_fixed_for_ever() -> None:
    """A changed value here would change every result that anyone has kept."""
    assert derive_seed(0, "steps.a") == 10369974417271915219
    assert derive_seed(7, "steps.lm") == 6060724143396191970
    assert derive_seed(-1, "steps.a") != derive_seed(1, "steps.a")
    assert derive_seed(1, "1steps") != derive_seed(11, "steps")


LIGHT = """
import sys
from pathlib import Path
from interleaf.pipeline.plan import load_plan
for file in sys.argv[1:]:
    load_plan(Path(file), {"n": "3", "path": file} if "required" in file else {})
heavy = {"numpy", "torch", "pandas", "scipy", "interleaf_toy.components", "interleaf_toy.models",
         "interleaf_toyother.components", "interleaf.builtin.schedules", "interleaf.pipeline.runner"}
print(sorted(heavy & set(sys.modules)))
"""


def test_planning_imports_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIGHT, *map(str, VALID)], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_only_documents_with_references_import_omegaconf() -> None:
    for file in VALID:
        code = LIGHT.replace('heavy = {"numpy"', 'heavy = {"omegaconf", "numpy"')
        result = subprocess.run(
            [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
        )
        assert ("omegaconf" in result.stdout) == ("${" in file.read_text()), file
