"""A decoder handed over in YAML: trained by another plugin's trainer, then it writes and is measured."""

from importlib.util import find_spec
from pathlib import Path

import pytest

import interleaf

DOCUMENT = """
version: 1
steps:
  texts: {{use: gemma.documents, with: {{path: "{text}"}}}}
  data:  {{use: gemma.windows, with: {{window: 32}}, needs: {{documents: texts}}}}
  base:
    use: gemma.decoder
    with: {{preset: tiny, layers: 1, d_model: 32, heads: 2, head_dim: 16, d_ff: 64, context: 64}}
  lm:    {{use: {trainer}, call: fit, with: {{{how}}}, needs: {{model: base, data: data}}}}
  text:  {{of: lm.model, call: generate, with: {{prompt: "Story", max_new_tokens: 8, temperature: 0.0}}}}
  loss:  {{use: gemma.perplexity, needs: {{model: lm.model, documents: texts}}}}
outputs:
  text: text
  loss: loss
"""
TRAINERS = {
    "training.fit": "recipe: {steps: 20, batch: 4, lr: 5e-3}",
    "continual.trainer": "window: 32, batch: 4, stages: [{steps: 20}]",
}


@pytest.mark.parametrize("trainer", list(TRAINERS))
def test_a_decoder_is_trained_and_writes(trainer: str, tmp_path: Path) -> None:
    if not find_spec(f"interleaf_{trainer.partition('.')[0]}"):
        pytest.skip(f"{trainer} is not installed")
    story = "Tom had a red ball. He played with it in the park. "
    (tmp_path / "text.txt").write_text(
        "<|endoftext|>".join(f"Story {n}. {story * 3}" for n in range(30))
    )
    file = tmp_path / "train.yaml"
    file.write_text(
        DOCUMENT.format(text=tmp_path / "text.txt", trainer=trainer, how=TRAINERS[trainer])
    )
    result = interleaf.run(file, out=tmp_path / "out", store=str(tmp_path / "store"))
    measured = result.metrics["loss.nats_per_token"]["value"]
    assert measured < 7.5  # ln 2048 = 7.62: it has learnt something
    assert (tmp_path / "out" / "outputs" / "text.txt").read_text().startswith("Story")
