"""The commands, on a small model."""

import json

import pytest
import torch
from random_models import model

from interleaf.errors import InvalidInput
from interleaf_gemma.benching.commands import bench, quantize
from interleaf_gemma.model import Gemma
from interleaf_gemma.shipped import FOLDER


def test_bench_prints_what_it_measured(capsys):
    bench(
        shape="tiny",
        context=16,
        threads=1,
        kinds="bf16,int4",
        isa="",
        peers="none",
        rounds=1,
        json_=True,
    )
    found = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in found["rows"]] == ["interleaf bf16", "interleaf int4"]
    assert found["bandwidth"] > 1e8 and all(row["decode"] > 0 for row in found["rows"])
    with pytest.raises(InvalidInput):
        bench(
            shape="huge",
            context=16,
            threads=1,
            kinds="bf16",
            isa="",
            peers="none",
            rounds=1,
            json_=True,
        )


def test_quantize_writes_what_can_be_loaded(tmp_path, capsys):
    model(torch.bfloat16, d_model=96, d_ff=160).save(tmp_path / "whole")
    for out in (tmp_path / "small", tmp_path / "small.gguf"):
        quantize(tmp_path / "whole", out, quant="int8")
        assert Gemma.load(out, quant="int8").generate([2, 9], 3, temperature=0)
    assert "became" in capsys.readouterr().out
    with pytest.raises(InvalidInput, match="already"):
        quantize(tmp_path / "whole", tmp_path / "small", quant="int8")
    with pytest.raises(InvalidInput, match="int3"):
        quantize(tmp_path / "whole", tmp_path / "other", quant="int3")


def test_quantize_calibrates_on_texts(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("Tom had a red ball. He played with Lily in the park. They were happy. " * 120)
    quantize(FOLDER, tmp_path / "small", quant="int4", texts=text)
    assert Gemma.load(tmp_path / "small").generate([2, 300], 3, temperature=0)
    text.write_text("Tom.")
    with pytest.raises(InvalidInput, match="tokens"):
        quantize(FOLDER, tmp_path / "other", quant="int4", texts=text)
    assert not (tmp_path / "other").exists()
