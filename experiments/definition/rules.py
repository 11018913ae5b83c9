"""Rules: does what one experiment says in different places of its config file fit together?"""

from collections.abc import Iterator
from datetime import timedelta

from experiments.definition.decision_record import too_early
from experiments.definition.definition import Definition, Step
from experiments.definition.page_changes import unworkable
from experiments.definition.problem import Fault, Place, one_of, seen
from experiments.definition.quantity import iso, write_duration, write_share

MAX_STEPS = 62  # a pattern is a bitmask in a signed 64-bit integer
SMALLEST_SHARE = 1e-4  # one of the 10,000 buckets of an assignment
_NOT_ACTIONS = {
    "Experiment Viewed": "it is the exposure itself",
    "Consent Withdrawn": "it removes a visitor's data",
}


def inconsistencies(experiment: Definition) -> Iterator[Fault]:
    """What does not fit together, in the order of the config's keys. Places are from the top of the experiment.

    Whether `planned_visitors` suits `detect` is not among it: that depends on the rate at which visitors convert, which
    a config file does not say (see `planning/plan_check.py`).
    """
    yield from _times(experiment)
    yield from _variants(experiment)
    yield from unworkable(experiment)
    yield from _exclusive(experiment)
    yield from _steps(experiment)
    yield from _windows(experiment)
    yield from _values(experiment)
    yield from _analysis(experiment)
    yield from _reported(experiment)
    yield from _serve(experiment)
    yield from _decision(experiment)


def _times(experiment: Definition) -> Iterator[Fault]:
    started, ended, status = experiment.started_at, experiment.ended_at, experiment.status
    if started and status == "draft":
        remedy = "remove it, or set status: running"
        yield Fault(("started_at",), "is given, but a draft has not started", remedy)
    if ended and status != "stopped":
        remedy = "remove it, or set status: stopped"
        yield Fault(("ended_at",), f"is given, but the status is {status}", remedy)
    if started and ended and ended < started:
        what = f"is {iso(ended)}, before started_at {iso(started)}"
        yield Fault(("ended_at",), what, "write a moment after started_at")


def _variants(experiment: Definition) -> Iterator[Fault]:
    first: dict[str, int] = {}
    total = sum(variant.weight for variant in experiment.variants)
    for index, variant in enumerate(experiment.variants):
        if variant.key in first:
            what = f"is {seen(variant.key)}, the key of variants[{first[variant.key]}] too"
            yield Fault(("variants", index, "key"), what, "give each variant a key of its own")
        first.setdefault(variant.key, index)
        if variant.weight / total < SMALLEST_SHARE:
            what = f"is {variant.weight:g} of {total:g} in all, less than 0.01% of the visitors"
            yield Fault(("variants", index, "weight"), what, "give it a larger weight, or remove the variant")


def _exclusive(experiment: Definition) -> Iterator[Fault]:
    if experiment.exclusive and not experiment.exclusive.slice[0] < experiment.exclusive.slice[1]:
        low, high = map(write_share, experiment.exclusive.slice)
        what = f"is from {low} to {high}, which holds nobody"
        yield Fault(("exclusive", "slice"), what, "write the smaller percentage first, such as [0%, 50%]")


def _placed(experiment: Definition) -> Iterator[tuple[Place, Step]]:
    for group in ("path", "secondary", "guardrails"):
        for index, step in enumerate(getattr(experiment, group)):
            yield (group, index), step


def _steps(experiment: Definition) -> Iterator[Fault]:
    if len(experiment.steps) > MAX_STEPS:
        group = next(name for name in ("guardrails", "secondary", "path") if getattr(experiment, name))
        what = f"brings the steps to {len(experiment.steps)}, path, secondary and guardrails together"
        yield Fault((group,), what, f"keep at most {MAX_STEPS}")
    keys: dict[str, str] = {}
    events: dict[tuple[object, str], str] = {}
    for place, step in _placed(experiment):
        name = f"{place[0]}[{place[1]}]"
        if step.step in keys:
            what = f"is {seen(step.step)}, the key of {keys[step.step]} too"
            yield Fault((*place, "step"), what, "give each step a key of its own")
        keys.setdefault(step.step, name)
        # a guardrail may watch an event of the path; a secondary action on the path would be counted twice
        group = "guardrails" if place[0] == "guardrails" else "actions"
        if (group, step.event) in events:
            what = f"is {seen(step.event)}, the event of {events[group, step.event]} too"
            yield Fault((*place, "event"), what, "count each event in one step, or give this step an event of its own")
        events.setdefault((group, step.event), name)
        if step.event in _NOT_ACTIONS:
            what = f"is {seen(step.event)}, which is never counted as a step: {_NOT_ACTIONS[step.event]}"
            yield Fault((*place, "event"), what, "name the event that the site sends when the step is made")
        if step.event != step.event.strip():
            what = f"is {seen(step.event)}, with a space at its end or beginning"
            yield Fault((*place, "event"), what, f"write {seen(step.event.strip())}")


def _windows(experiment: Definition) -> Iterator[Fault]:
    for place, step in _placed(experiment):
        if step.window and step.window > experiment.window:
            what = f"is {write_duration(step.window)}, longer than the experiment's window"
            remedy = f"write at most {write_duration(experiment.window)}, or lengthen the experiment's window"
            yield Fault((*place, "window"), what, remedy)
    longest = timedelta(0)
    for index, step in enumerate(experiment.path):
        window = min(experiment.window_of(step), experiment.window)
        if window < longest:
            what = (
                f"is {write_duration(window)}, shorter than that of an earlier milestone "
                f"({write_duration(longest)}): who reaches this step counts as having reached those before it"
            )
            remedy = f"write at least {write_duration(longest)}, or shorten the earlier windows"
            yield Fault(("path", index, "window"), what, remedy)
        longest = max(longest, window)


def _values(experiment: Definition) -> Iterator[Fault]:
    for place, step in _placed(experiment):
        if step.step == experiment.macro.step:
            if isinstance(step.value, int | float) and step.value > experiment.value_cap:
                what = f"is {step.value:g}, more than value_cap {experiment.value_cap:g}"
                yield Fault((*place, "value"), what, "raise value_cap, or lower the value")
        elif isinstance(step.value, str):
            what = f"is {seen(step.value)}, but only the macro-conversion reads its value from the event"
            yield Fault((*place, "value"), what, "write a number, or remove it")
    for index, guardrail in enumerate(experiment.guardrails):
        if guardrail.margin == 0:
            what = "is 0%, which no amount of data can show to be kept"
            yield Fault(("guardrails", index, "margin"), what, "write the harm you could live with, such as 10%")
        if guardrail.harm == "less" and guardrail.margin == 1:
            what = "is 100% of a step whose loss is harm: everything may be lost"
            yield Fault(("guardrails", index, "margin"), what, "write the harm you could live with, such as 10%")


def _analysis(experiment: Definition) -> Iterator[Fault]:
    analysis = experiment.analysis
    if analysis.method in ("planned", "fixed") and analysis.planned_visitors is None:
        what = f"is {analysis.method}, but planned_visitors does not say how many are planned"
        yield Fault(("analysis", "method"), what, "add planned_visitors, or write always-valid")
    if analysis.detect == 0:
        what = "is 0%, an effect that no experiment can find"
        yield Fault(("analysis", "detect"), what, "write the smallest relative effect worth finding, such as 10%")
    for place, names in ((("analysis", "adjust_for"), analysis.adjust_for), (("segments",), experiment.segments)):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Fault((*place, index), f"is {seen(name)} a second time", "name each attribute once")


def _reported(experiment: Definition) -> Iterator[Fault]:
    if experiment.assignment == "hash":
        return
    remedy = "remove it, or write assignment: hash"
    for name, default in (("traffic", 1.0), ("audience", None), ("exclusive", None)):
        if getattr(experiment, name) != default:
            yield Fault((name,), "has no effect with assignment: reported, where another tool assigns", remedy)


def _serve(experiment: Definition) -> Iterator[Fault]:
    if experiment.serve is None:
        return
    if experiment.status != "stopped":
        what = f"is given, but the status is {experiment.status}"
        yield Fault(("serve",), what, "remove it, or set status: stopped: serve gives one variant to everyone")
    keys = [variant.key for variant in experiment.variants]
    if experiment.serve not in keys:
        yield Fault(("serve",), f"is {seen(experiment.serve)}, which is no variant", f"write {one_of(keys)}")


def _decision(experiment: Definition) -> Iterator[Fault]:
    """What of the record of a decision does not fit the rest of the experiment's config file?"""
    record = experiment.decision
    if record is None:
        return
    if experiment.status == "draft":
        remedy = "remove it, or set status: running; what was decided in an earlier phase stays with that phase"
        yield Fault(("decision",), "is given, but a draft has shown nothing that could be decided", remedy)
    treatments = [variant.key for variant in experiment.variants[1:]]
    if record.made != "ship":
        if record.variant is not None:
            what = f"is {seen(record.variant)}, but {record.made} ships no variant"
            yield Fault(("decision", "variant"), what, "remove it, or write made: ship")
    elif record.variant is None:
        if len(treatments) > 1:
            what = f"does not say which of {len(treatments)} variants is shipped"
            yield Fault(("decision",), what, f"add variant: {one_of(treatments)}")
    elif record.variant == experiment.control.key:
        what = f"is {seen(record.variant)}, the control"
        yield Fault(("decision", "variant"), what, f"write {one_of(treatments)}, or made: keep-control without variant")
    elif record.variant not in treatments:
        what = f"is {seen(record.variant)}, which is no variant"
        yield Fault(("decision", "variant"), what, f"write {one_of(treatments)}")
    if experiment.started_at is not None:
        yield from too_early(record, experiment.started_at)
