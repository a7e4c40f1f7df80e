"""The simulation of DVC on plain values: single rules, and any graph against a toy DVC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbill.config.plan import Digests, Facts, Locked, Node, StagePlan, in_order, simulate
from playbill.errors import ConfigError

Record = tuple[Node, dict[str, str], dict[str, str]]  # a run: its stage, inputs and outputs


@dataclass
class Runs:
    """A run cache; what is not in `lost` is in the cache."""

    records: list[Record] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    def made(self, node: Node, deps: Digests) -> Mapping[str, str] | None:
        return next((o for n, d, o in reversed(self.records) if _same(n, node) and d == deps), None)

    def may_know(self, node: Node, deps: Digests) -> bool:
        return any(
            _same(n, node) and set(d) == set(deps) and all(deps[p] in (None, d[p]) for p in d)
            for n, d, _ in self.records
        )

    def holds(self, outs: Mapping[str, str]) -> bool:
        return not self.lost & set(outs.values())


def _same(one: Node, other: Node) -> bool:
    return (one.cmd, one.params, one.outs) == (other.cmd, other.params, other.outs)


LEARN = Node("learn", "python -m learn", {"table": ""}, {"seed": 1}, ("fitted",))
GATHER = Node("gather", "python -m gather", {"rows": "r1"}, {"day": 1}, ("table",))
LOCKED = {
    "gather": Locked(GATHER.cmd, {"rows": "r1"}, {"day": 1}, {"table": "t1"}),
    "learn": Locked(LEARN.cmd, {"table": "t1"}, {"seed": 1}, {"fitted": "f1"}),
}


def told(
    nodes: Sequence[Node], runs: Runs | None = None, broken: Mapping[str, str] | None = None
) -> dict[str, StagePlan]:
    facts = Facts(LOCKED, broken or {}, runs or Runs())
    return {plan.stage: plan for plan in simulate(nodes, facts)}


def verdicts(plans: Mapping[str, StagePlan]) -> list[str]:
    return [plans[name].verdict for name in ("gather", "learn")]


def texts(plan: StagePlan) -> list[str]:
    return [reason.text for reason in plan.reasons]


def test_nothing_changed_changes_nothing() -> None:
    plans = told([GATHER, LEARN])
    assert verdicts(plans) == ["unchanged", "unchanged"]
    assert texts(plans["learn"]) == []


def test_what_reads_the_output_of_a_stage_that_runs_is_open() -> None:
    plans = told([replace(GATHER, params={"day": 2}), LEARN])
    assert verdicts(plans) == ["runs", "if-changed"]
    assert (plans["gather"].direct, plans["learn"].direct) == (True, False)
    assert texts(plans["gather"]) == ["day: 1 -> 2"]
    assert texts(plans["learn"]) == ["table may change"]


def test_a_change_of_its_own_makes_it_certain_unless_the_run_cache_may_know_it() -> None:
    nodes = [replace(GATHER, params={"day": 2}), changed := replace(LEARN, params={"seed": 2})]
    assert verdicts(told(nodes)) == ["runs", "runs"]
    assert verdicts(told(nodes, Runs([(changed, {"table": "t9"}, {"fitted": "f9"})]))) == [
        "runs",
        "if-changed",
    ]


def test_a_restored_output_is_known_to_what_reads_it() -> None:
    changed = replace(GATHER, params={"day": 2})
    runs = Runs([(changed, {"rows": "r1"}, {"table": "t2"})])
    plans = told([changed, LEARN], runs)
    assert verdicts(plans) == ["restored", "runs"]
    assert not plans["learn"].direct
    assert texts(plans["learn"]) == ["table changes"]
    runs.records.append((LEARN, {"table": "t2"}, {"fitted": "f2"}))
    assert verdicts(told([changed, LEARN], runs)) == ["restored", "restored"]
    runs.lost = {"t2"}
    assert verdicts(told([changed, LEARN], runs)) == ["runs", "if-changed"]


def test_a_restored_output_that_is_as_before_ends_there() -> None:
    changed = replace(GATHER, params={"day": 2})
    plans = told([changed, LEARN], Runs([(changed, {"rows": "r1"}, {"table": "t1"})]))
    assert verdicts(plans) == ["restored", "unchanged"]
    assert plans["gather"].same


def test_a_missing_output_is_restored_from_what_dvc_lock_says_without_a_record() -> None:
    assert verdicts(told([GATHER, LEARN], broken={"table": "is missing"})) == [
        "restored",
        "unchanged",
    ]
    plans = told([GATHER, LEARN], Runs(lost={"t1"}), {"table": "is missing"})
    assert verdicts(plans) == ["runs", "if-changed"]
    assert texts(plans["gather"]) == ["output table is missing"]


def test_an_output_that_the_cache_cannot_give_back_makes_its_stage_run() -> None:
    kept = replace(GATHER, cacheable=False)
    assert verdicts(told([kept, LEARN], broken={"table": "was changed"})) == ["runs", "if-changed"]


def test_a_dropped_key_or_input_counts_for_nothing_and_a_new_one_counts() -> None:
    assert verdicts(told([replace(GATHER, params={}, deps={}), LEARN]))[0] == "unchanged"
    plans = told([replace(GATHER, params={"day": 1, "hour": 2}, deps={"rows": "r1", "a.py": "a"})])
    assert texts(plans["gather"]) == ["it now reads hour", "a.py is new here"]


def test_a_missing_input_cannot_be_restored() -> None:
    gone = replace(GATHER, deps={"rows": ""})
    assert told([gone], Runs([(gone, {"rows": ""}, {"table": "t1"})]))["gather"].verdict == "runs"


def test_a_file_inside_an_output_folder_is_known_while_the_folder_stays() -> None:
    inner = Node("peek", "peek", {"table/part": "p1"}, {}, ("seen",))
    locked = {**LOCKED, "peek": Locked("peek", {"table/part": "p1"}, {}, {"seen": "s1"})}
    plans = simulate([GATHER, inner], Facts(locked, {}, Runs()))
    assert [plan.verdict for plan in plans] == ["unchanged", "unchanged"]
    plans = simulate([replace(GATHER, cmd="other"), inner], Facts(locked, {}, Runs()))
    assert [plan.verdict for plan in plans] == ["runs", "if-changed"]


def test_reasons_speak_of_packages_code_and_the_declaration() -> None:
    before = {
        "environment.learn": {"framework": "a", "packages": {"x": "1.0"}, "targets": {}},
        "environment.gather": {"packages": {"pandas": "2"}},
        "pipeline.stages.learn": {"config": ["seed"]},
        "query": "SELECT " + "x" * 80,
    }
    after = {
        "environment.learn": {"framework": "b", "packages": {"x": "1.1"}, "targets": {"s": "c"}},
        "environment.gather": {"packages": {"pandas": "3"}},
        "pipeline.stages.learn": {"config": ["seed", "name"]},
        "query": "SELECT " + "x" * 80 + "y",
    }  # fmt: skip
    node = Node("learn", "l", {}, after, ("fitted",))
    locked = {"learn": Locked("k", {}, before, {"fitted": "f"})}
    (plan,) = simulate([node], Facts(locked, {}, Runs(), {"learn": 2.5}))
    assert texts(plan) == [
        "command: k -> l",
        "code of playbill changed",
        "package x: 1.0 -> 1.1",
        "code of s changed",
        "package pandas (stage gather): 2 -> 3",
        'declaration: config: ["seed"] -> ["seed", "name"]',
        "query: changed",
    ]
    assert plan.seconds == 2.5


def test_stages_stand_behind_what_they_read_and_a_circle_is_refused() -> None:
    assert [node.name for node in in_order([LEARN, GATHER])] == ["gather", "learn"]
    with pytest.raises(ConfigError, match="circle"):
        in_order([LEARN, replace(GATHER, deps={"fitted": ""})])


@dataclass
class ToyDvc:
    """What DVC does, done on numbers: each stage's output is a coarse sum of what it reads."""

    runs: Runs = field(default_factory=Runs)
    lock: dict[str, Locked] = field(default_factory=dict)
    disk: dict[str, str] = field(default_factory=dict)

    def reproduce(self, nodes: Sequence[Node]) -> tuple[set[str], set[str]]:
        ran, restored = set(), set()
        for node in in_order(nodes):
            deps = {path: self.disk.get(path, node.deps[path]) for path in node.deps}
            (out,) = node.outs
            locked = self.lock.get(node.name)
            same = locked is not None and (locked.params, locked.deps) == (node.params, deps)
            if same and locked and self.disk.get(out) == locked.outs[out] not in self.runs.lost:
                continue
            outs = locked.outs if same and locked else self.runs.made(node, deps)
            if outs and self.runs.holds(outs):
                restored.add(node.name)
                self.disk.update(outs)
            else:
                ran.add(node.name)
                total = sum(node.params.values()) + sum(int(d) for d in deps.values())
                self.disk[out] = str(int(node.name) * 100 + total // 2 % 50)
                self.runs.lost.discard(self.disk[out])
                self.runs.records.append((node, deps, {out: self.disk[out]}))
            made = {out: self.disk[out]}
            self.lock[node.name] = Locked(node.cmd, deps, dict(node.params), made)
        return ran, restored

    def facts(self, nodes: Sequence[Node]) -> Facts:
        broken = {
            out: "is not what it was"
            for node in nodes
            if (locked := self.lock.get(node.name))
            for out, digest in locked.outs.items()
            if self.disk.get(out) != digest or digest in self.runs.lost
        }
        return Facts(self.lock, broken, self.runs)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[Node], int, int]]:
    """A graph whose parameters and file change step by step, outputs getting lost between."""
    size = draw(st.integers(2, 6))
    reads = [
        draw(st.lists(st.integers(0, n - 1), unique=True)) if n else [] for n in range(size)
    ]  # fmt: skip
    steps = []
    for _ in range(draw(st.integers(2, 6))):
        values = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
        file = str(draw(st.integers(0, 2)))
        nodes = [
            Node(
                str(n),
                "run",
                {**({"file": file} if not reads[n] else {}), **{f"o{r}": "" for r in reads[n]}},
                {"p": values[n]},
                (f"o{n}",),
            )
            for n in range(size)
        ]
        steps.append((nodes, draw(st.integers(0, 2 * size)), draw(st.integers(0, 4 * size))))
    return steps


@given(histories())
@settings(max_examples=300, deadline=None)
def test_any_graph_does_what_its_plan_said(steps: list[tuple[list[Node], int, int]]) -> None:
    toy = ToyDvc()
    for nodes, deleted, forgotten in steps:
        toy.disk.pop(f"o{deleted}", None)
        if digest := toy.disk.get(f"o{forgotten}"):
            toy.runs.lost.add(digest)
        plans = simulate(nodes, toy.facts(nodes))
        ran, restored = toy.reproduce(nodes)
        for plan in plans:
            assert plan.verdict != "runs" or plan.stage in ran
            assert plan.verdict != "restored" or plan.stage in restored
            assert plan.verdict != "unchanged" or plan.stage not in ran | restored
        again = simulate(nodes, toy.facts(nodes))
        assert {plan.verdict for plan in again} == {"unchanged"}
