"""Bad tables: each fault is named with its place, and no row is dropped in silence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from interleaf_scaling.fitting import fit
from interleaf_scaling.lawbook import loss_law
from interleaf_scaling.procedures import calibrate
from interleaf_scaling.reading import TASKS_17, read_runs
from interleaf_scaling.runs import BadRuns, read_columns

HEAD = "run,train_set,n_params,tokens,loss,error\n"
ROWS = [
    f"r{i},A,{n:.0f},{m * n:.0f},{1.8 + 150 * n**-0.27 + 230 * (m * n) ** -0.27:.6f},0.{70 - i}\n"
    for i, (n, m) in enumerate((n, m) for n in (1e7, 1e8, 5e8) for m in (10, 20, 80))
]


def table(tmp_path, *rows: str, head: str = HEAD):
    file = tmp_path / "runs.csv"
    file.write_text(head + "".join(rows or ROWS))
    return file


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("x,A,1e8,1e9,nan,0.5\n", r"row 11, column 'loss': nan is not a positive"),
        ("x,A,1e8,1e9,inf,0.5\n", r"row 11, column 'loss': inf"),
        ("x,A,-1e8,1e9,3,0.5\n", r"row 11, column 'n_params': -1e8"),
        ("x,A,0,1e9,3,0.5\n", r"row 11, column 'n_params': 0"),
        ("x,A,1e8,many,3,0.5\n", r"row 11, column 'tokens': 'many' is no number"),
        ("x,A,1e8,1e9,,0.5\n", r"row 11, column 'loss': an empty cell"),
        ("x,A,1e8,1e9,3,54\n", r"row 11, column 'error': an error of 54 is above 1"),
        ("x,A,1e8,1e9,3\n", r"row 11: 5 cells, the header has 6"),
    ],
)
def test_a_bad_cell_is_named(tmp_path, row, told):
    with pytest.raises(BadRuns, match=told) as caught:
        read_runs(table(tmp_path, *ROWS, row))
    assert caught.value.hint


def test_units_are_noticed_and_can_be_scaled(tmp_path):
    rows = [
        ",".join([*r.split(",")[:3], str(float(r.split(",")[3]) / 1e9), *r.split(",")[4:]])
        for r in ROWS
    ]
    with pytest.raises(BadRuns, match="billions or millions") as caught:
        read_runs(table(tmp_path, *rows))
    assert "--scale d=1e9" in caught.value.hint
    found = read_runs(table(tmp_path, *rows), scales={"d": 1e9})
    assert np.allclose(found.d, read_runs(table(tmp_path)).d)


def test_repeated_runs_are_kept_and_told(tmp_path):
    runs = read_runs(table(tmp_path, *ROWS, ROWS[0].replace("r0", "again")))
    assert len(runs) == 10 and any("repeat" in n and "r0 and again" in n for n in runs.notes)


def test_columns_can_be_named_and_groups_match_case_blind(tmp_path):
    head = HEAD.replace("loss", "my loss").replace("n_params", "P")
    file = table(tmp_path, *ROWS, "x,B,1e8,1e9,3,0.5\n", head=head)
    with pytest.raises(BadRuns, match="no column for n") as caught:
        read_runs(file)
    assert "--column n=COLUMN" in caught.value.hint
    runs = read_runs(file, {"n": "P", "loss": "MY LOSS"})
    assert len(runs.of_group("a")) == 9
    with pytest.raises(BadRuns, match="holds 2 groups"):
        runs.of_group("")
    with pytest.raises(BadRuns, match="no group 'C'") as caught:
        runs.of_group("C")
    assert "A, B" in caught.value.hint
    with pytest.raises(BadRuns, match="'lost' can be mapped"):
        read_runs(file, {"lost": "P"})


@pytest.mark.parametrize("text", ["", HEAD, "a,b\n1,2\n", "loss,loss\n1,2\n", "\x00\xff"])
def test_what_is_no_table_is_refused(tmp_path, text):
    file = tmp_path / "x.csv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadRuns) as caught:
        read_runs(file)
    assert str(file) in caught.value.message and caught.value.hint
    with pytest.raises(BadRuns, match="no such file"):
        read_runs(tmp_path / "none.csv")
    with pytest.raises(BadRuns, match="exp_data"):
        read_runs(tmp_path)


def test_compute_that_is_not_6nd_is_told(tmp_path):
    head = HEAD.strip() + ",flops\n"
    rows = [r.strip() + ",1e30\n" for r in ROWS]
    assert any("6 N D" in note for note in read_runs(table(tmp_path, *rows, head=head)).notes)


def test_rows_that_determine_no_law_are_refused(tmp_path):
    runs = read_runs(table(tmp_path))
    law = loss_law("overtrained")
    with pytest.raises(BadRuns, match=r"same parameters N.*cannot be identified"):
        fit(runs.where(runs.n == 1e8), law)
    with pytest.raises(BadRuns, match="2 rows cannot determine the 4 parameters"):
        fit(runs.where([0, 5]), law)
    with pytest.raises(BadRuns, match="no law 'magic'") as caught:
        loss_law("magic")
    assert "overtrained" in caught.value.hint
    same = read_runs(table(tmp_path, *(r.replace(r.split(",")[4], "3.0") for r in ROWS)))
    with pytest.raises(BadRuns, match="all 9 losses are 3"):
        fit(same, law)
    with pytest.raises(BadRuns, match="paper's procedure needs"):
        calibrate(runs, "paper")


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    runs = read_runs(table(tmp_path))
    file = tmp_path / "runs.parquet"
    columns = {"n": runs.n, "tokens": runs.d, "loss": runs.loss}
    parquet.write_table(pyarrow.table(columns), file)
    assert read_runs(file).digest == read_columns({k: list(v) for k, v in columns.items()}).digest
    file.write_bytes(b"PAR1 not really")
    with pytest.raises(BadRuns, match="no Parquet"):
        read_runs(file)


def test_a_checkout_of_the_papers_repository(tmp_path):
    models, evals = tmp_path / "exp_data" / "models", tmp_path / "exp_data" / "evals"
    models.mkdir(parents=True)
    evals.mkdir()
    for name, n in (("rpj-a-1.0", 10**8), ("rpj-b-1.0", 10**9)):
        results = [
            {"loss": 9.0, "val_data": ["eval/openlm/shard.tar"]},
            {"loss": 2.75, "val_data": ["eval/c4_val/shard.tar"]},
        ]
        hyper = {"params": n, "tokens": 20 * n}
        raw = {"name": name, "dataset_name": "rpj", "hyperparameters": hyper, "results": results}
        (models / f"{name}.json").write_text(json.dumps(raw))
    scores = dict.fromkeys(TASKS_17, 0.25)
    (evals / "evaluation_rpj-a-1.0_heavy.json").write_text(
        json.dumps({"eval_metrics": {"icl": scores}})
    )
    runs = read_runs(tmp_path)
    assert runs.group == ("RedPajama", "RedPajama") and runs.loss.tolist() == [2.75, 2.75]
    assert runs.error[0] == 0.75 and np.isnan(runs.error[1])
    (models / "rpj-c-1.0.json").write_text("{}")
    with pytest.raises(BadRuns, match=r"rpj-c-1.0.json is not a model"):
        read_runs(tmp_path)
