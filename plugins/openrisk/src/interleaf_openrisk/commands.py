"""``interleaf openrisk init | validate | score | gate | compare | gaps | render | …``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf_openrisk.components import refused
from interleaf_openrisk.results import MEASURES, attempts_of, margin_data, read_jsonl, summary
from interleaf_openrisk.scenario import FIELDS, simulate
from interleaf_openrisk.uplift import BadCounts, Counts, Grader, corrected, margin, sample_size

LIMITS = (
    "This does not weigh benefits against risks, leaves out what is lost by not releasing, cannot see "
    "unknown unknowns, and coordinates nobody. It never shows that a model is safe."
)
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def init(
    vector: Annotated[list[str] | None, typer.Option(help="a misuse vector, several times")] = None,
    example: Annotated[str, typer.Option(help="instead: a worked example of the paper")] = "",
    study: Annotated[str, typer.Option(help="instead: a prior study, to compare with")] = "",
) -> None:
    """Print an assessment to fill in, with the question each field answers; or one that is filled in."""
    from interleaf_openrisk.schema import VECTORS
    from interleaf_openrisk.skeleton import WORKED, coded, skeleton, studies, worked

    if sum(map(bool, (vector, example, study))) != 1:
        raise InvalidInput(
            "give one of --vector, --example and --study", hint="--vector spear_phishing"
        )
    for name, known in ((example, WORKED), (study, tuple(studies()))):
        if name and name not in known:
            raise InvalidInput(f"no '{name}'", hint=", ".join(known))
    for name in vector or ():
        own = name.startswith("custom:") and name.removeprefix("custom:").isidentifier()
        if name not in VECTORS and not own:
            raise InvalidInput(f"no vector '{name}'", hint=f"{', '.join(VECTORS)}, or custom:NAME")
    if len(set(vector or ())) < len(vector or ()):
        raise InvalidInput("a vector stands twice", hint="name each once")
    today = datetime.now(UTC).date()
    text = worked(example) if example else coded(study) if study else skeleton(vector or [], today)
    print(text, end="")


def validate(
    files: Annotated[list[Path], typer.Argument(help="assessments")], as_json: Json = False
) -> None:
    """Check assessments: fields, references, and the digests of local files."""
    from interleaf_openrisk.reading import read_assessment

    seen: dict[tuple[str, str], Path] = {}
    told = {}
    for file in files:
        found = read_assessment(file)
        model = (found.assessment.model.name, found.assessment.model.version)
        if model in seen:
            raise InvalidInput(
                f"{seen[model]} and {file} both assess {' '.join(model)}",
                hint="one assessment for each version of a model",
            )
        seen[model] = file
        told[str(file)] = {
            "valid": True, "vectors": [v.id for v in found.assessment.vectors],
            "evidence": len(found.assessment.evidence), "missing": list(found.missing),
        }  # fmt: skip
    _print(told[str(files[0])] if len(files) == 1 else {"files": told}, as_json, _tell_valid)


def score(
    file: Annotated[Path, typer.Argument(help="the assessment")], as_json: Json = False
) -> None:
    """How far each vector goes through the six steps, computed from the fields."""
    from interleaf_openrisk.completeness import STEPS, independent, scores
    from interleaf_openrisk.reading import read_assessment

    found = read_assessment(file)
    all_, own = independent(found.assessment, found.missing)
    told = {
        "vectors": {
            name: {
                "steps": dict(zip(STEPS, s.levels, strict=True)),
                "wanted": {k: w for k, w in zip(STEPS, s.wanted, strict=True) if w},
                "mean": s.mean,
                "minimum": s.minimum,
                "complete": s.complete,
                "raised_by_reviewer": [STEPS[i - 1] for i in s.raised],
                "lowered_by_reviewer": [STEPS[i - 1] for i in s.lowered],
            }
            for name, s in scores(found.assessment, found.missing).items()
        },
        "evidence": {"there": all_, "independent": own, "missing": list(found.missing)},
    }
    _print(told, as_json, _tell_scores)


def gate(
    file: Annotated[Path, typer.Argument(help="the assessment")],
    today: Annotated[str, typer.Option(help="the date to decide for, YYYY-MM-DD")] = "",
    as_json: Json = False,
) -> None:
    """Whether a release may go out: exits 0 pass, 6 blocked, 7 review or evidence missing."""
    from interleaf_openrisk.components import day
    from interleaf_openrisk.gate import decide
    from interleaf_openrisk.reading import read_assessment

    when = day(today) if today else datetime.now(UTC).date()
    with refused():
        found = decide(read_assessment(file), when)
    told = {"outcome": found.outcome, "reasons": list(found.reasons), "date": when.isoformat()}
    _print(told, as_json, _tell_decision)
    raise typer.Exit({"pass": 0, "fail": 6}.get(found.outcome, 7))


def _tell_decision(found: Mapping[str, Any]) -> None:
    print(found["outcome"])
    for reason in found["reasons"]:
        print(f"  {reason}")


def render(
    file: Annotated[Path, typer.Argument(help="the assessment")],
    to: Annotated[str, typer.Option("--to", help="html, md, hfcard, cyclonedx or sha256")] = "html",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="by default printed; a card to update")
    ] = None,
    spec: Annotated[str, typer.Option(help="of CycloneDX: 1.6 or 1.7")] = "1.6",
    mapping: Annotated[
        Path | None, typer.Option(help="CSV: vector,framework,id,title in other catalogues")
    ] = None,
    today: Annotated[str, typer.Option(help="the date to decide for, YYYY-MM-DD")] = "",
) -> None:
    """The assessment as a document, with the gate's decision and the limits."""
    from interleaf.pipeline.files import write_atomic
    from interleaf_openrisk.components import day
    from interleaf_openrisk.cyclonedx import SPECS
    from interleaf_openrisk.formats import FORMATS, written
    from interleaf_openrisk.mapping import read_mapping
    from interleaf_openrisk.reading import read_assessment

    format_ = next((f for f in FORMATS if f == to), None)
    version = next((s for s in SPECS if s == spec), None)
    if format_ is None:
        raise InvalidInput(f"no document '{to}'", hint=f"--to {', '.join(FORMATS)}")
    if version is None:
        raise InvalidInput(f"CycloneDX {spec} is not written", hint="--spec 1.6 or 1.7")
    when = day(today) if today else datetime.now(UTC).date()
    read = read_assessment(file)
    with refused():
        names = [v.id for v in read.assessment.vectors]
        mapped = read_mapping(mapping, names) if mapping else ()
        try:
            card = out.read_bytes() if to == "hfcard" and out and out.exists() else b""
            data = written(read, when, format_, spec=version, mapped=mapped, card=card)
        except BadCounts:
            raise
        except ValueError as error:
            raise InvalidInput(f"{out}: {error}", hint="remove the marks by hand") from None
    if out is None:
        print(data.decode(), end="")
    else:
        write_atomic(out, data)
        print(out)


def compare(
    first: Annotated[Path, typer.Argument(help="an assessment")],
    second: Annotated[Path, typer.Argument(help="another")],
    as_json: Json = False,
) -> None:
    """Where two assessments disagree: steps, judgements, assumptions, claims that do not compare."""
    from interleaf_openrisk.comparing import disagreements
    from interleaf_openrisk.reading import read_assessment

    _print(
        disagreements(read_assessment(first), read_assessment(second)), as_json, _tell_differences
    )


def diff(
    old: Annotated[Path, typer.Argument(help="the assessment as it was")],
    new: Annotated[Path, typer.Argument(help="and as it is")],
    today: Annotated[str, typer.Option(help="the date to decide for, YYYY-MM-DD")] = "",
    as_json: Json = False,
) -> None:
    """What changed between two versions of an assessment: decision, levels, then every field."""
    from interleaf_openrisk.comparing import changes
    from interleaf_openrisk.components import day
    from interleaf_openrisk.reading import read_assessment

    when = day(today) if today else datetime.now(UTC).date()
    with refused():
        found = changes(read_assessment(old), read_assessment(new), when)
    _print(found, as_json, _tell_changes)


def _tell_changes(found: Mapping[str, Any]) -> None:
    if not any(found.values()):
        print("no change")
    if found["decision"]:
        print("decision: " + " -> ".join(found["decision"]))
    for vector, steps in found["steps"].items():
        for step, pair in steps.items():
            print(f"{vector}, {step}: " + " -> ".join(x or "not there" for x in pair))
    for path, (before, after) in found["fields"].items():
        told = (
            "not there" if x is None else json.dumps(x, ensure_ascii=False) for x in (before, after)
        )
        print(f"  {path}: " + " -> ".join(told))


def import_(
    log: Annotated[Path, typer.Argument(help="the log of another tool")],
    source: Annotated[str, typer.Option("--from", help="garak, inspect or lm-eval")],
    arm: Annotated[str, typer.Option(help="open, open_ft, closed, closed_jailbreak or existing")],
    vector: Annotated[str, typer.Option(help="the misuse vector that the tasks stand for")],
    metric: Annotated[
        str, typer.Option(help="of several: detector, scorer, or METRIC,FILTER")
    ] = "",
) -> None:
    """Print records of attempts from a log, without prompts and replies; join arms with ``>>``."""
    from interleaf_openrisk.importing import KINDS, imported

    if source not in KINDS:
        raise InvalidInput(f"no logs of '{source}'", hint=f"--from {', '.join(KINDS)}")
    with refused():
        rows = imported(source, log, arm=arm, vector=vector, metric=metric)
        hits = sum(a.success for a in attempts_of(rows, str(log)))
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))
    print(f"{len(rows)} attempts, {hits} succeeded", file=sys.stderr)


def gaps(
    file: Annotated[Path, typer.Argument(help="the assessment")],
    delta: Annotated[float, typer.Option(help="the smallest uplift that would matter")] = 0.05,
    as_json: Json = False,
) -> None:
    """What evidence is missing, for risks and benefits, with the attempts for 80 % power."""
    from interleaf_openrisk.comparing import gaps as found_gaps
    from interleaf_openrisk.reading import read_assessment

    if not 0 < delta < 0.8:
        raise InvalidInput(
            f"an uplift of {delta:g} cannot be planned for", hint="such as --delta 0.05"
        )
    with refused():
        found = found_gaps(read_assessment(file), delta)
    _print(found, as_json, _tell_gaps)


def _tell_differences(found: Mapping[str, Any]) -> None:
    if not found["vectors"]:
        print("no disagreement")
    for vector, told in found["vectors"].items():
        print(vector)
        for what, value in told.items():
            print(f"  {what.replace('_', ' ')}:")
            if isinstance(value, str):
                print(f"    {value}")
            elif isinstance(value, dict):
                for name, one in value.items():
                    print(f"    {name}: {' / '.join(one)}")
            else:
                print("    " + (" / " if what == "judgement" else "; ").join(value))


def _tell_gaps(found: Mapping[str, Any]) -> None:
    for vector, told in found["vectors"].items():
        print(vector)
        for step, wanted in told["steps"].items():
            print(f"  {step}: {wanted}")
        for name, one in told["attempts"].items():
            made = f"{one['made'][0]} and {one['made'][1]} attempts"
            needed = f"{one['needed']} in each arm would find {found['delta']:g}"
            print(f"  over {name}: {one['finding']}; {made}, {needed}")
    for benefit, reason in found["benefits"].items():
        print(f"benefit {benefit}: {reason}")
    for note in found["notes"]:
        print(note)


def schema() -> None:
    """Print the JSON Schema of an assessment."""
    from interleaf_openrisk.schema import Assessment

    print(json.dumps(Assessment.model_json_schema(), indent=1))


def _tell_valid(found: Mapping[str, Any]) -> None:
    for file, told in found.get("files", {}).items():
        print(file, end=": ")
        _tell_valid(told)
    if "files" in found:
        return
    print(f"valid: {', '.join(found['vectors'])}; {found['evidence']} pieces of evidence")
    for name in found["missing"]:
        print(f"warning: the file of {name} is not there: nothing rests on it")


def _tell_scores(found: Mapping[str, Any]) -> None:
    marks = {"full": "●", "partial": "◐", "absent": "○"}
    for name, told in found["vectors"].items():
        ending = (
            "complete"
            if told["complete"]
            else f"mean {told['mean']:.2f}, least {told['minimum']:g}"
        )
        print(f"{name}: {ending}")
        for step, level in told["steps"].items():
            raised = " (raised by the reviewer)" if step in told["raised_by_reviewer"] else ""
            wanted = f": {told['wanted'][step]}" if step in told["wanted"] and not raised else ""
            print(f"  {marks[level]} {step} {level}{raised}{wanted}")
    told = found["evidence"]
    print(f"evidence: {told['there']}, of which {told['independent']} independent")
    for name in told["missing"]:
        print(f"warning: the file of {name} is not there: nothing rests on it")


def _counts(words: str, option: str) -> Counts:
    k, slash, n = words.partition("/")
    try:
        return Counts(int(k), int(n)) if slash else Counts(-1, 1)
    except ValueError as error:
        if isinstance(error, BadCounts) and slash:
            raise InvalidInput(f"{option} {error.message}", hint=error.hint) from None
        raise InvalidInput(f"{option} {words}: no k/n", hint=f"such as {option} 30/100") from None


def uplift(
    open_: Annotated[
        str, typer.Option("--open", help="successes/attempts with the open model")
    ] = "",
    reference: Annotated[str, typer.Option(help="the same without it: closed or existing")] = "",
    results: Annotated[str, typer.Option(help="instead: JSONL records of attempts")] = "",
    delta: Annotated[float, typer.Option(help="the smallest uplift that would matter")] = 0.05,
    sensitivity: Annotated[str, typer.Option(help="of the grader: right/positives")] = "",
    specificity: Annotated[str, typer.Option(help="of the grader: right/negatives")] = "",
    as_json: Json = False,
) -> None:
    """How much more often attempts succeed with the open model, and how sure that is."""
    if bool(results) == bool(open_ or reference):
        raise InvalidInput(
            "give counts of two arms, or a file", hint="--open 30/100 --reference 20/100"
        )
    with refused():
        if results:
            rows = read_jsonl(Path(results))
            found = summary(attempts_of(rows, results), delta)
            if others := attempts_of(rows, results, MEASURES[1:]):
                from interleaf_openrisk.outcomes import measured

                found["measured"] = measured(others)
            _print(found, as_json, _tell_vectors)
            return
        a, b = _counts(open_, "--open"), _counts(reference, "--reference")
        told = margin_data(margin(a, b, delta))
        told["sample_size_80"] = sample_size(min(b.rate, 1 - delta), delta)
        if sensitivity or specificity:
            grader = Grader(
                _counts(sensitivity, "--sensitivity"), _counts(specificity, "--specificity")
            )
            middle, low, high = corrected(a, b, grader)
            told["corrected_for_grader"] = {"median": middle, "low": low, "high": high}
    _print(told, as_json, _tell_margin)


def scenario(
    file: Annotated[Path, typer.Argument(help=f"YAML with {', '.join(FIELDS)}")],
    count: Annotated[int, typer.Option(help="draws")] = 100_000,
    seed: Annotated[int, typer.Option(help="of the draws")] = 0,
    as_json: Json = False,
) -> None:
    """Extra harm by Monte Carlo, and which number drives it."""
    from interleaf.pipeline.document import read_document

    if not 100 <= count <= 100_000_000:
        raise InvalidInput(f"{count} draws", hint="--count 100000")
    document = read_document(file)
    document.check()
    data = document.data
    if not isinstance(data, dict):
        raise InvalidInput(f"{file} is no mapping", hint=f"give {', '.join(FIELDS)}")
    pairs = data.pop("correlations", {})
    if not isinstance(pairs, dict):
        raise InvalidInput(f"{file}: correlations is no mapping", hint='"p_open,p_ref": 0.5')
    with refused():
        found = simulate(data, {_pair(k): v for k, v in pairs.items()}, count, seed)
    told = {
        "quantiles": {f"{q:g}": v for q, v in found.quantiles.items()},
        "mean": found.mean,
        "p_positive": found.p_positive,
        "tornado": {name: {"low": a, "high": b} for name, (a, b) in found.tornado.items()},
        "limits": LIMITS,
    }
    _print(told, as_json, _tell_harm)


def _pair(words: str) -> tuple[str, str]:
    one, _, two = words.partition(",")
    return one.strip(), two.strip()


def _print(found: Mapping[str, Any], as_json: bool, tell: Any) -> None:
    if as_json:
        print(
            json.dumps({**found, "limits": LIMITS}, ensure_ascii=False, indent=1, allow_nan=False)
        )
    else:
        tell(found)
        print(LIMITS)


def _tell_margin(found: Mapping[str, Any]) -> None:
    low, high = found["newcombe95"]
    print(f"difference {found['difference']:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")
    print(f"  {found['finding']} (an uplift of {found['delta']:g} would matter)")
    print(f"  P(> 0) = {found['p_gt_0']:.3f}, P(> {found['delta']:g}) = {found['p_gt_delta']:.3f}")
    if found["minimum_detectable"] is not None:
        print(
            f"  these attempts detect an uplift of {found['minimum_detectable']:.3f} four times of five"
        )
    if "sample_size_80" in found:
        print(f"  {found['sample_size_80']} attempts in each arm would detect {found['delta']:g}")
    if grader := found.get("corrected_for_grader"):
        print(
            f"  corrected for the grader: {grader['median']:+.3f}, "
            f"{grader['low']:+.3f} to {grader['high']:+.3f}"
        )


def _tell_vectors(found: Mapping[str, Any]) -> None:
    for vector, told in found["vectors"].items():
        print(vector + (f" (headline: over {told['headline']})" if "headline" in told else ""))
        for name in ("closed", "existing"):
            one = told[name]
            if "missing" in one:
                print(f"  over {name}: not known, {one['missing']}")
                continue
            low, high = one["interval95"]
            print(
                f"  over {name}: {one['difference']:+.3f}, {low:+.3f} to {high:+.3f}, "
                f"{one['finding']} ({one['design']})"
            )
            for note in one["notes"]:
                print(f"    note: {note}")

    for vector, measures in found.get("measured", {}).items():
        for measure, references in measures.items():
            for name, one in references.items():
                print(f"{vector}, {measure} over {name}: " + _told_difference(one))


def _told_difference(one: Mapping[str, Any]) -> str:
    if "missing" in one:
        return f"not known, {one['missing']}"
    low, high = one["interval95"]
    told = f"{one['difference']:+.4g}, {low:+.4g} to {high:+.4g}, {one['finding']}"
    return "; ".join([told, *one["notes"]])


def _tell_harm(found: Mapping[str, Any]) -> None:
    told = ", ".join(f"{q}: {v:.4g}" for q, v in found["quantiles"].items())
    print(f"extra harm, quantiles {told}; mean {found['mean']:.4g}")
    print(f"P(> 0) = {found['p_positive']:.3f}")
    for name, ends in found["tornado"].items():
        print(f"  {name:9} {ends['low']:.4g} to {ends['high']:.4g}")
