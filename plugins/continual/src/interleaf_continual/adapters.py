"""Any Schedule for loops that are not ours: PyTorch's, Hugging Face's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interleaf.interfaces.schedule import Schedule

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


def as_lambda_lr(schedule: Schedule, optimizer: Optimizer, last_step: int = -1) -> LambdaLR:
    """A ``LambdaLR`` that sets every group's rate to the schedule's ``value`` at the step.

    Each group's ``initial_lr`` becomes 1, so that the factor is the rate itself, whatever rate the
    optimiser was made or loaded with: loading optimiser and scheduler in either order gives the
    same. ``last_step`` resumes. A group with ``lr_scale`` gets that many times the rate. Groups added
    later are not followed.
    """
    from torch.optim.lr_scheduler import LambdaLR

    scales = [float(g.get("lr_scale", 1.0)) for g in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["initial_lr"] = 1.0

    def rate(scale: float) -> Any:
        return lambda step: scale * schedule.at(step)["value"]

    return LambdaLR(optimizer, [rate(s) for s in scales], last_epoch=last_step)
