"""The pipelines of language models, small, on real texts: the verdict decides what leaves."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import interleaf

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def risk(name: str, folder: Path) -> Path:
    source = Path(str(files("interleaf_crosspaper").joinpath("pipelines", name)))
    return Path(shutil.copytree(source, folder / "risk"))


STILL = {"bc_rate": 1e-6, "sr_rate": 1e-6, "peak": 1e-6, "floor": 0.0}  # nothing is forgotten


def released(given: dict[str, Any], tmp_path: Path, store: Path) -> Any:
    return interleaf.run(
        "crosspaper/social-release", out=tmp_path / "out", store=str(store), **given
    )


def test_a_social_model_leaves_with_its_card_and_bill_of_materials(
    tmp_path: Path, store: Path, social: dict[str, Any]
) -> None:
    done = released({**social, **STILL}, tmp_path, store)
    out = tmp_path / "out" / "outputs"
    assert done.manifest["status"] == "ok" and (out / "weights" / "model.safetensors").exists()
    bom = json.loads((out / "bom.json").read_text())["metadata"]["component"]
    from interleaf_openrisk.reading import sha256

    told = {c["name"]: c["hashes"][0]["content"] for c in bom["components"]}
    assert told["model.safetensors"] == sha256(out / "weights" / "model.safetensors")
    assert told["model.safetensors"] in (out / "card.md").read_text("utf-8")
    assert "pass" in (out / "page.html").read_text("utf-8")


def test_one_piece_of_evidence_less_and_the_weights_stay(
    tmp_path: Path, store: Path, social: dict[str, Any]
) -> None:
    folder = risk("social-release", tmp_path)
    (folder / "evidence" / "misuse.yaml").unlink()
    done = released({**social, **STILL, "risk": folder}, tmp_path, store)
    assert not (tmp_path / "out" / "outputs" / "weights").exists()
    assert done.manifest["outputs"]["weights"]["gate"] == "insufficient"
    page = (tmp_path / "out" / "outputs" / "page.html").read_text("utf-8")
    assert "insufficient" in page and "the file of E2 is not there" in page


def test_a_model_that_forgot_stays(tmp_path: Path, store: Path, social: dict[str, Any]) -> None:
    done = released({**social, **STILL, "peak": 0.3, "floor": 0.3, "steps": 3}, tmp_path, store)
    assert not (tmp_path / "out" / "outputs" / "weights").exists()
    assert done.manifest["outputs"]["weights"]["gate"] == "fail"


def test_the_next_model_is_predicted_trained_and_judged(
    tmp_path: Path, store: Path, ladder: dict[str, Any]
) -> None:
    done = interleaf.run("crosspaper/next-model", out=tmp_path, store=str(store), **ladder)
    out = tmp_path / "outputs"
    found = done.metrics["prediction.loss_predicted/next-model"]
    measured = done.metrics["prediction.loss_measured/next-model"]["value"]
    assert measured == done.metrics["next_loss.loss"]["value"]
    low, high = found["interval"]
    inside = low <= measured <= high
    assert done.metrics["prediction.inside/next-model"]["value"] == float(inside)
    page = (out / "page.html").read_text("utf-8")
    assert f"the measured loss lies {'inside' if inside else 'OUTSIDE'} the 95 % interval" in page
    assert done.metrics["next_size.n_params"]["value"] > max(
        done.metrics[f"size[seed=0,steps=49,width={w}].n_params"]["value"] for w in (0.0625, 0.125)
    )
    assert (out / "weights" / "model.safetensors").exists() and (out / "bom.json").exists()
