"""The paper's ablations beside ours: what each part of the method is worth, there and here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure, Model, Report
from interleaf.interfaces.component import NoConfig
from interleaf.values import Item, Table

# Variant: FID, LME in mm, jitter in mm/s^3 on MENTOR, read in the paper (arXiv 2403.08764, ablations).
PAPER: dict[str, tuple[float, float, float]] = {
    "full": (15.36, 3.06, 3.58),
    "no_residual_pose": (52.27, 4.22, 6.56),
    "no_temporal_loss": (16.56, 3.18, 4.64),
    "no_guidance": (16.54, 3.32, 3.49),
    "head_only_controls": (16.95, 3.10, 4.45),
    "no_outpainting": (15.88, 3.25, 3.70),
    "overlap_25": (15.90, 3.23, 3.61),
}
THEIRS = ("paper: FID", "paper: LME (mm)", "paper: jitter (mm/s³)")
OURS = {
    n: n
    for n in ("sync", "closures", "lip_jerk", "head_jerk", "arm_jerk", "arm_spread", "beat", "seam")
}
OURS |= {"video_psnr": "video_psnr (dB)", "seams": "seams"}
OURS |= {"lip_error": "lip_error (mm)", "pose": "pose (degrees)", "video_gain": "video_gain (dB)"}


class Ablations(Model):
    """A row for each variant of the paper, its figures, and ours where a step of that name was judged."""

    def apply(self, reports: Sequence[Item | Report]) -> Table:
        """Reports by the names of their steps, which are the paper's variants (``full``,
        ``no_residual_pose``, ``no_temporal_loss``, …). The paper's figures were measured on other data with
        other measures: only which way each goes can be compared. InvalidInput for another name."""
        given: dict[str, Report] = {}
        for item in reports:
            if not isinstance(item, Item) or item.step not in PAPER:
                name = item.step if isinstance(item, Item) else "a report without a name"
                raise InvalidInput(
                    f"{name} is none of the paper's ablations",
                    hint=f"steps named {', '.join(PAPER)}",
                )
            given[item.step] = item.value
        return Table.from_rows([_row(name, given.get(name)) for name in PAPER])

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        reports = [
            Item(Report((Measure(name="sync", value=value),)), name)
            for name, value in (("full", 0.7), ("no_guidance", 0.6))
        ]
        return {
            "configs": [NoConfig()],
            "calls": {"apply": [{"reports": reports}, {"reports": []}]},
        }


def _row(name: str, report: Report | None) -> dict[str, Any]:
    found = {m.name: m for m in report.measures if not m.group} if report else {}
    ours = {label: found[n].value if n in found else None for n, label in OURS.items()}
    return {
        "variant": name, **dict(zip(THEIRS, PAPER[name], strict=True)), **ours,
        "note": "" if report else "of the other half",
    }  # fmt: skip
