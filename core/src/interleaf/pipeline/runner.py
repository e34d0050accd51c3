"""Running a plan: store hit or call, for every step, then the outputs and the manifest."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from interleaf.errors import (
    FAILED,
    InterleafError,
    PluginMissing,
    Problem,
    ProblemsFound,
    StepFailed,
    StoreError,
)
from interleaf.interfaces.report import Report
from interleaf.pipeline.executors import Executor, InProcess, Processes
from interleaf.pipeline.explain import History, NoHistory, cause, last_key, why
from interleaf.pipeline.files import explained, write_json
from interleaf.pipeline.instances import Instance, Source
from interleaf.pipeline.manifest import (
    Manifest,
    drift,
    new_manifest,
    now,
    read_manifest,
    report_metrics,
)
from interleaf.pipeline.monitor import Listener, Quiet
from interleaf.pipeline.plan import Plan
from interleaf.pipeline.publish import publish
from interleaf.pipeline.session import Numeric, Session
from interleaf.pipeline.store import MemoryStore, open_store
from interleaf.registry.hooks import load_hooks
from interleaf.registry.live import load_class

_STATUS = {0: "ok", 6: "blocked", 7: "review"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to run: where to write, which store, what to compute with.

    ``store`` is a folder, ``memory:``, a URI of a plugin, or empty for the default; ``nproc``
    processes compute each step of a ``Distributed`` component together; ``keep`` names
    steps whose last result is accepted whatever changed; ``explain`` names steps to explain.
    """

    out: Path | None = None
    store: str = ""
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 0
    jobs: int = 1
    nproc: int = 1
    executor: str = ""
    keep: tuple[str, ...] = ()
    locked: Path | None = None
    explain: tuple[str, ...] = ()


@dataclass(slots=True)
class RunResult:
    """What a run left: its folder, its manifest, and the exit code its gates ask for."""

    folder: Path
    manifest: Manifest
    exit_code: int
    session: Session = field(repr=False)

    @property
    def metrics(self) -> dict[str, Any]:
        """``manifest["metrics"]``."""
        found: dict[str, Any] = self.manifest["metrics"]
        return found

    @property
    def outputs(self) -> dict[str, list[Path]]:
        """The published files by output."""
        entries = self.manifest["outputs"]
        return {n: [self.folder / "outputs" / f for f in e["files"]] for n, e in entries.items()}

    def value(self, step: str, **coords: Any) -> Any:
        """The live value of ``step`` or ``step.port``, at its coordinates; KeyError when unknown."""
        name, _, port = step.partition(".")
        for instance in self.session.instances.values():
            if instance.step.name == name and coords.items() <= dict(instance.coords).items():
                return self.session.value(Source(instance, port or next(iter(instance.step.gives))))
        raise KeyError(
            f"no step '{step}' with {coords}; there are: {', '.join(self.session.instances)}"
        )


def run_plan(
    plan: Plan, options: RunOptions | None = None, listener: Listener | None = None
) -> RunResult:
    """Run a plan; raises InterleafError when a step fails, after writing the manifest."""
    return _Run(plan, options or RunOptions(), listener or Quiet()).run()


class _Run:
    def __init__(self, plan: Plan, options: RunOptions, listener: Listener) -> None:
        self.plan, self.options, self.listener = plan, options, listener
        self.hooks = load_hooks()
        for name, fault in self.hooks.broken.items():  # type: ignore[attr-defined]
            listener.notice(f"hooks of {name} are left out: {fault}")
        self.store = open_store(options.store)
        numeric = Numeric(device=options.device, dtype=options.dtype, threads=options.threads)
        self.session = Session(plan, self.store, numeric, listener)
        kind = NoHistory if isinstance(self.store, MemoryStore) else History
        self.history = kind(self.store.root, plan.name)
        self.folder = _folder(plan.name, options.out)
        self.seconds = time.perf_counter()
        self.log: TextIO | None = None

    def run(self) -> RunResult:
        import_all(self.plan)
        self.executor = self._executor()  # one that is not there is told before anything is begun
        wanted = self._prepare()
        manifest = new_manifest(self.plan.name, self.plan.file, self.plan.seed, self.session.keys)
        self._check_lock(manifest)
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._save(manifest)
        code, status = FAILED, "failed"
        try:
            self._steps(wanted, manifest)
            manifest["outputs"], code = publish(self.session, self.folder / "outputs")
            status = _STATUS[code]
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            self._finish(manifest, status)
        return RunResult(self.folder, manifest, code, self.session)

    def _prepare(self) -> list[str]:
        """Compute every key; ``keep`` and ``explain`` as asked. Labels of what is not in the store."""
        keys, instances = self.session.keys, self.session.instances.values()
        self._known(self.options.keep + self.options.explain)
        for instance in instances:
            if {instance.label, instance.step.name} & set(self.options.keep):
                keys.keep(instance, last_key(self.history, instance.label))
            keys.key(instance)
        for instance in instances:
            if {instance.label, instance.step.name} & set(self.options.explain):
                for sentence in why(self.history, instance, keys):
                    self.listener.notice(sentence)
        return [i.label for i in instances if self.store.lookup(keys.key(i)) is None]

    def _known(self, names: tuple[str, ...]) -> None:
        known = {i.label for i in self.session.instances.values()} | set(self.plan.steps)
        for name in names:
            if name not in known:
                hint = f"steps: {', '.join(self.plan.steps)}"
                raise ProblemsFound([Problem("E401", f"no step '{name}'", hint=hint)])

    def _check_lock(self, manifest: Manifest) -> None:
        if self.options.locked is None:
            return
        keys = {label: self.session.keys.key(i) for label, i in self.session.instances.items()}
        found = drift(
            read_manifest(self.options.locked), self.plan.seed, manifest["versions"], keys
        )
        if found:
            raise StoreError(
                f"E501 this is not the run of {self.options.locked}:\n  " + "\n  ".join(found),
                hint="restore what changed, or run without --locked",
            )

    def _steps(self, wanted: list[str], manifest: Manifest) -> None:
        self._notices()
        missing = [self.session.instances[label] for label in wanted]
        for instance in self.session.instances.values():
            if instance.label not in wanted:
                self._done(instance, manifest, hit=True, seconds=0.0, peak=0.0)
                self.session.release(instance)
        for label, seconds, peak in self._guarded(missing, manifest):
            self._done(
                self.session.instances[label], manifest, hit=False, seconds=seconds, peak=peak
            )

    def _guarded(self, missing: list[Instance], manifest: Manifest) -> Any:
        running: list[Instance] = []

        def started(instance: Instance) -> None:
            running.append(instance)
            key = self.session.keys.key(instance)
            self.listener.started(instance.label, key)
            self.hooks.hook.step_started(step=instance.label, key=key)

        try:
            yield from self.executor.run(self.session, missing, started)
        except StepFailed as failed:
            cause = failed.__cause__ if isinstance(failed.__cause__, Exception) else failed
            self._failed(self.session.instances[failed.step], cause, manifest)
            raise
        except Exception as error:
            instance = running[-1] if running else missing[0]
            self._failed(instance, error, manifest)
            raise StepFailed(instance.label, error) from error

    def _executor(self) -> Executor:
        uri, jobs, nproc = self.options.executor, self.options.jobs, self.options.nproc
        if uri:
            found: Executor | None = self.hooks.hook.make_executor(uri=uri, jobs=jobs, nproc=nproc)
            if found is None:
                raise InterleafError(
                    f"no installed plugin makes the executor '{uri}'",
                    hint="interleaf install NAME, where a plugin of that name brings it",
                )
            return found
        if nproc > 1:
            return self._torchrun()
        return (
            Processes(jobs) if jobs > 1 and not isinstance(self.store, MemoryStore) else InProcess()
        )

    def _torchrun(self) -> Executor:
        if self.options.jobs > 1 or isinstance(self.store, MemoryStore):
            raise InterleafError(
                "--nproc goes with neither --jobs nor --store memory:",
                hint="leave these out: processes of one step share a store on disk",
            )
        if find_spec("torch") is None:
            raise PluginMissing("--nproc needs torch", hint="pip install torch")
        from interleaf.pipeline.ranks import Torchrun

        return Torchrun(self.options.nproc)

    def _done(
        self, instance: Instance, manifest: Manifest, *, hit: bool, seconds: float, peak: float
    ) -> None:
        key, label = self.session.keys.key(instance), instance.label
        kept = {label, instance.step.name} & set(self.options.keep)
        reason = (
            "kept"
            if kept
            else "stored"
            if hit
            else cause(self.history, instance, self.session.keys)
        )
        manifest["steps"][label] = {
            "key": key, "hit": hit, "why": reason, "seconds": round(seconds, 4), "peak_mib": peak,
        }  # fmt: skip
        if not kept:
            self.history.write(label, key, self.session.keys.payloads[label])
        if hit:
            self.store.touch(key)
        reports = {
            p: self.session.value(Source(instance, p))
            for p, k in instance.step.gives.items()
            if k == "report"
        }
        manifest["metrics"].update(
            report_metrics(instance, {p: r for p, r in reports.items() if isinstance(r, Report)})
        )
        self._notices()
        self.listener.finished(label, key, hit, seconds)
        self.hooks.hook.step_finished(step=label, key=key, hit=hit, seconds=seconds)
        self._log("step", step=label, **manifest["steps"][label])

    def _failed(self, instance: Instance, error: Exception, manifest: Manifest) -> None:
        key = self.session.keys.key(instance)
        manifest["steps"][instance.label] = {
            "key": key,
            "hit": False,
            "why": "failed",
            "error": str(error),
        }
        self._log("failed", step=instance.label, trace="".join(traceback.format_exception(error)))
        self.listener.failed(instance.label, error)
        self.hooks.hook.step_failed(step=instance.label, key=key, error=error)

    def _finish(self, manifest: Manifest, status: str) -> None:
        told = manifest["steps"]
        manifest["steps"] = {name: told[name] for name in self.session.instances if name in told}
        manifest["status"], manifest["finished"] = status, now()
        manifest["seconds"] = round(time.perf_counter() - self.seconds, 4)
        self._save(manifest)
        self._log("finished", status=status)
        if self.log:
            self.log.close()
        self.hooks.hook.run_finished(manifest=manifest)

    def _save(self, manifest: Manifest) -> None:
        write_json(self.folder / "manifest.json", manifest)

    def _log(self, event: str, **what: Mapping[str, Any] | Any) -> None:
        line = json.dumps({"time": now(), "event": event, **what}, ensure_ascii=False)
        with explained(self.folder):
            if self.log is None:
                self.log = (self.folder / "log.jsonl").open("a", encoding="utf-8")
            self.log.write(line + "\n")
            self.log.flush()

    def _notices(self) -> None:
        while self.store.notices:
            self.listener.notice(self.store.notices.pop(0))


def import_all(plan: Plan) -> None:
    """Import every class a plan needs; ProblemsFound with all that fail (E204)."""
    problems: list[Problem] = []
    for ref in dict.fromkeys(
        r for step in plan.steps.values() for r in _refs(step.ref, step.config)
    ):
        try:
            load_class(ref)
        except ProblemsFound as error:
            problems += error.problems
    if problems:
        raise ProblemsFound(problems)


def _refs(ref: str, config: Mapping[str, Any]) -> list[str]:
    inner = [v for v in config.values() if isinstance(v, Mapping) and "use" in v]
    return [ref, *(r for v in inner for r in _refs(v["use"], v["with"]))]


def _folder(name: str, out: Path | None) -> Path:
    """``out``, or a new ``runs/<name>/<stamp>``."""
    if out is not None:
        return out.expanduser().absolute()
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return Path.cwd() / "runs" / name / stamp
