"""The descriptor of ``continual``."""

from interleaf.interfaces import Schedule
from interleaf.plugin import Plugin, component

_RATES = "interleaf_continual.schedules"

PLUGIN = Plugin(
    name="continual",
    api=0,
    summary="continue a pre-training on new data: re-warming, replay, infinite schedules, forgetting",
    paper="arXiv:2403.08763",
    requires=["numpy"],
    components=[
        component(
            "rewarm", Schedule, f"{_RATES}:Rewarm", config="RewarmConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="linear warm-up, cosine decay; again for every stage",
        ),
        component(
            "infinite", Schedule, f"{_RATES}:Infinite", config="InfiniteConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="warm-up, cooldown, constant while data comes, short anneal",
        ),
        component(
            "anneal", Schedule, f"{_RATES}:Anneal", config="AnnealConfig",
            capabilities=["NonNegative", "Monotone", "Bounded"], deterministic=True,
            summary="exponentially down: the end of an infinite schedule",
        ),
        component(
            "wsd", Schedule, f"{_RATES}:Stable", config="StableConfig",
            capabilities=["NonNegative"], deterministic=True, summary="warm-up, stable, decay",
        ),
        component(
            "trapezoid", Schedule, f"{_RATES}:Trapezoid", config="TrapezoidConfig",
            capabilities=["NonNegative"], deterministic=True, summary="three straight lines",
        ),
        component(
            "inverse_sqrt", Schedule, f"{_RATES}:PowerLaw", config="PowerLawConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="warm-up, then a power of the step, by default 1/√t; endless",
        ),
        component(
            "power", Schedule, f"{_RATES}:Polynomial", config="PolynomialConfig",
            capabilities=["NonNegative"], deterministic=True,
            summary="warm-up, then a polynomial decay",
        ),
        component(
            "piecewise", Schedule, f"{_RATES}:Piecewise", config="PiecewiseConfig",
            deterministic=True, summary="any row of phases",
        ),
        component(
            "repeat", Schedule, f"{_RATES}:Repeat", config="RepeatConfig",
            capabilities=["Periodic"], deterministic=True, summary="a schedule again and again",
        ),
    ],
)  # fmt: skip
