"""Parameters of the components: light."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le, Secret

Style = Literal["full", "brief"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenariosConfig:
    """SOTOPIA's files. Without ``combos`` the ``relationships`` decide who plays what. ``hard``: the
    hard ones alone; ``limit``: the first tasks, 0 for all."""

    scenarios: InFile
    characters: InFile
    combos: InFile | None = None
    relationships: InFile | None = None
    hard: bool = False
    limit: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodesConfig:
    """``path``: episodes as ``.jsonl`` or ``.parquet``."""

    path: InFile


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Who speaks: ``address`` is http://HOST:PORT/v1#MODEL, litellm:MODEL, scripted or random.

    ``key``: the environment variable with the key. ``format``: how an endpoint is held to JSON. ``style``
    and ``context`` (tokens, 0: any) of what it reads. ``price``: of a million prompt and completion tokens.
    """

    address: str = "scripted"
    key: Secret = ""
    temperature: Annotated[float, Ge(0)] = 0.7
    max_tokens: Annotated[int, Ge(1)] = 256
    format: Literal["schema", "object", "text"] = "schema"
    style: Style = "full"
    context: Annotated[int, Ge(0)] = 0
    price: tuple[float, float] = (0.0, 0.0)
    concurrency: Annotated[int, Ge(1)] = 8
    requests_per_minute: Annotated[float, Ge(0)] = 0.0
    tokens_per_minute: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayConfig:
    """Every task ``repetitions`` times, in ``both_orders`` or one; ``actions``: what agents may do.
    ``max_tokens``, ``temperature``, ``style`` and ``context`` apply to models of this process;
    endpoints have their own."""

    max_turns: Annotated[int, Ge(1)] = 20
    max_stale: Annotated[int, Ge(0)] = 2
    order: Literal["round-robin", "simultaneous", "random"] = "round-robin"
    actions: tuple[str, ...] = ("none", "speak", "non-verbal communication", "action", "leave")
    repetitions: Annotated[int, Ge(1)] = 1
    both_orders: bool = False
    concurrency: Annotated[int, Ge(1)] = 8
    reasks: Annotated[int, Ge(0)] = 2
    budget_tokens: Annotated[int, Ge(0)] = 0
    budget_money: Annotated[float, Ge(0)] = 0.0
    max_tokens: Annotated[int, Ge(8)] = 128
    temperature: Annotated[float, Ge(0)] = 0.7
    style: Style = "full"
    context: Annotated[int, Ge(0)] = 0
    per_token: Annotated[float, Gt(0)] = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeConfig:
    """``samples`` ratings by each judge, ``swap``: and in the other order of the agents. A reply that is no
    rating is asked for again ``reasks`` times; more than ``most_failed`` failures are an error."""

    dimensions: Literal["sotopia", "goal"] = "sotopia"
    samples: Annotated[int, Ge(1)] = 1
    swap: bool = False
    reasks: Annotated[int, Ge(0)] = 2
    most_failed: Annotated[float, Ge(0), Le(1)] = 0.05
    concurrency: Annotated[int, Ge(1)] = 8
    max_tokens: Annotated[int, Ge(8)] = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsConfig:
    """What is learnt from: ``filter`` bc (``top_k`` of each task and role, further ranks above the
    ``threshold``, roles ``balance``d), sr (the best ``top_frac`` of each task), advantage, or all; of agents
    played by ``model`` (empty: any). ``measure``: the rating that decides."""

    filter: Literal["bc", "sr", "advantage", "all"] = "bc"
    model: str = ""
    measure: str = "goal"
    top_k: Annotated[int, Ge(1)] = 2
    threshold: bool = True
    balance: bool = True
    top_frac: Annotated[float, Gt(0), Le(1)] = 0.2
    style: Style = "full"
    max_turns: Annotated[int, Ge(1)] = 20
    characters: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasConfig:
    """Columns of the tables: ``judged`` and ``reference`` scores, ``cluster`` (scenario), ``system``
    (checkpoint, in the order of training). ``categories``: of the scores, for Randolph's kappa; 0: none."""

    judged: str = "judged"
    reference: str = "reference"
    cluster: str = "scenario"
    system: str = "system"
    categories: Annotated[int, Ge(0)] = 0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CasinoConfig:
    """``path``: CaSiNo's dialogues, JSON lines. ``style`` as agents read them."""

    path: InFile
    limit: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperConfig:
    """``path``: the paper's Table 5 as CSV (setting, n, evaluator, model, seven dimensions, Overall)."""

    path: InFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PageConfig:
    """``title`` and ``note`` of the page; at most ``transcripts`` conversations are shown."""

    title: str = "Social episodes"
    note: str = ""
    transcripts: Annotated[int, Ge(0)] = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePageConfig:
    """``seed`` of the order in which conversations are shown."""

    title: str = "Rate these conversations"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionConfig:
    """``path``: questions as CSV without a head: question, A, B, C, D, answer (as MMLU has them).
    ``shots`` of the first questions are shown as examples; ``way``: by the answers' log-likelihood, or
    by what is written."""

    path: InFile
    way: Literal["likelihood", "generation"] = "likelihood"
    shots: Annotated[int, Ge(0)] = 0
    limit: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyConfig:
    """``words``: a file with a toxic word a line, empty: none are counted. ``gram``: how many words in
    a row of a secret have to be said for it to have leaked."""

    words: InFile | None = None
    gram: Annotated[int, Ge(1)] = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesiseConfig:
    """``prompts``: SOTOPIA-π's inspirational prompts as CSV (source, prompt), never used twice; ``tasks`` new
    tasks, an equal number from each source, at ``temperature``."""

    prompts: InFile
    characters: InFile
    tasks: Annotated[int, Ge(1)] = 30
    temperature: Annotated[float, Ge(0)] = 0.5
    max_tokens: Annotated[int, Ge(16)] = 800
    reasks: Annotated[int, Ge(0)] = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneConfig:
    """``steps`` of ``batch`` pairs at ``lr``, on all weights, or LoRA adapters of ``rank`` on
    ``targets`` (the paper: 8, alpha 16, dropout 0.05, q_proj and v_proj), merged at the end.
    ``replay``: share of earlier data."""

    steps: Annotated[int, Ge(1)] = 200
    batch: Annotated[int, Ge(1)] = 8
    micro: Annotated[int, Ge(0)] = 0
    lr: Annotated[float, Gt(0)] = 5e-4
    rank: Annotated[int, Ge(0)] = 0
    alpha: Annotated[float, Gt(0)] = 16.0
    dropout: Annotated[float, Ge(0)] = 0.05
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    replay: Annotated[float, Ge(0), Le(0.9)] = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class CasinoPairsConfig:
    """Prompts of at most ``characters`` (the oldest moves left out), words of at most ``longest``.
    ``speaker``: whose moves are learnt from; ``top_frac``: only that share of the dialogues, those with
    the most points for the first participant."""

    characters: Annotated[int, Ge(0)] = 320
    longest: Annotated[int, Ge(1)] = 80
    speaker: Literal["both", "first"] = "both"
    top_frac: Annotated[float, Gt(0), Le(1)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CasinoGamesConfig:
    """The priorities of the first ``limit`` dialogues (0: all), each played ``repetitions`` times at
    ``temperature``; prompts as for ``casino_pairs``."""

    limit: Annotated[int, Ge(0)] = 0
    repetitions: Annotated[int, Ge(1)] = 1
    temperature: Annotated[float, Ge(0)] = 0.8
    characters: Annotated[int, Ge(0)] = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class CasinoActionsConfig:
    """Prompts of at most ``characters``; the first ``limit`` dialogues (0: all); ``games`` that are
    played."""

    characters: Annotated[int, Ge(0)] = 320
    limit: Annotated[int, Ge(0)] = 0
    games: Annotated[int, Ge(0)] = 30
