"""simulate: visitors with a known truth, as events or straight as tables of counts. Both are draws from one model.

The model: `visitors` meet the trigger over `days` in the rhythm of `truth.hours`; each is of one crowd and gets a
variant; going along the path, each milestone is taken with the conditional rate of the variant times the crowd's
eagerness, at once, or (share `returning`) at one later visit, a geometric number of whole hours after exposure, at
which the rest of the path follows. Secondary actions and guardrails happen during the first visit, or not at all.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from experiments.assignment.assignment import assign
from experiments.definition.experiment import Experiment
from experiments.events.event import Event, MessageId, VisitorId
from experiments.simulation.outcome import Outcome, outcomes
from experiments.simulation.truth import HOUR, Crowd, Truth
from experiments.simulation.visit import Act, acts, amounts, draws
from stats.arrays import Counts
from stats.tables.patterns import PatternTable
from stats.tables.reach import Exposed, ReachTable, StepReach

_SLOWEST = timedelta(minutes=2)  # between two actions of one visit


def simulate(
    experiment: Experiment,
    truth: Truth,
    rng: np.random.Generator,
    *,
    start: datetime,
    days: int,
    visitors: int,
    until: datetime | None = None,
) -> Iterator[Event]:
    """What would the log receive? Events in order of receipt; those received after `until` have not happened yet.

    `start` is a whole UTC hour. `visitors` is the total who meet the trigger; who is not in the experiment (traffic,
    audience, layer) sends nothing. Variants come from `assign`; of an experiment with reported assignment, from
    the weights. Raises ValueError when the truth does not fit the experiment.

    A thousand visitors of an experiment of the gallery, of whom two in five go on at each milestone:

    >>> from collections import Counter
    >>> from experiments.gallery.exhibit import exhibit
    >>> from experiments.simulation.assumed_truth import START, simulated_phase
    >>> from experiments.simulation.truth import plain_truth
    >>> form = simulated_phase(exhibit("multi-step-form").experiment())
    >>> events = simulate(form, plain_truth(form), np.random.default_rng(7), start=START, days=7, visitors=1_000)
    >>> Counter(event.name or event.kind for event in events).most_common(4)
    [('exposure', 1000), ('form_viewed', 421), ('form_started', 181), ('form_error', 86)]
    """
    truth.require(experiment)
    starts = np.repeat(np.arange(days * 24), _visitors_by_hour(truth, rng, start, days, visitors))
    n = len(starts)
    shares = np.array([crowd.share for crowd in truth.crowds])
    crowds = rng.choice(len(shares), size=n, p=shares / shares.sum())
    into_hour = rng.integers(0, 3_600_000_000, size=n)
    reported = rng.choice(len(experiment.variants), size=n, p=_weights(experiment))
    drawn = draws(experiment, truth, rng, n)
    receipt = rng.uniform(0.05, 3, size=(n, len(experiment.steps) + 1))
    sold = amounts(experiment, truth, rng, n).tolist()
    longest_pause = _longest_pause(experiment).total_seconds()
    events: list[Event] = []
    for i in range(n):
        crowd = truth.crowds[crowds[i]]
        visitor = VisitorId(rng.bytes(8).hex())
        variant = _variant(experiment, visitor, crowd, int(reported[i]))
        if variant is None:
            continue
        exposed_at = start + int(starts[i]) * HOUR + timedelta(microseconds=int(into_hour[i]))
        done = acts(experiment, truth.variants[variant], crowd, drawn[i], sold[i], longest_pause)
        for k, act in enumerate((Act(timedelta(0), "", {}), *done)):
            at = exposed_at + act.after
            received_at = at + timedelta(seconds=float(receipt[i, k]))
            if until is not None and received_at > until:
                continue
            events.append(
                Event(
                    message_id=MessageId(f"{visitor}-{k}"),
                    kind="action" if k else "exposure",
                    visitor=visitor,
                    at=at,
                    received_at=received_at,
                    name=act.event,
                    experiment=None if k else experiment.key,
                    variant=None if k else variant,
                    properties=act.properties,
                    attributes=crowd.attributes,
                )
            )
    events.sort(key=lambda event: event.received_at)
    yield from events


def simulate_tables(
    experiment: Experiment,
    truth: Truth,
    rng: np.random.Generator,
    *,
    start: datetime,
    days: int,
    visitors: int,
) -> tuple[ReachTable, PatternTable]:
    """What would the store's tables hold once every window has run out? Counts drawn directly: no visitor is made.

    Arguments as for `simulate`. One stratum and everybody who meets the trigger: also raises ValueError for an
    experiment with `adjust_for` or an audience.
    """
    truth.require(experiment)
    if experiment.analysis.adjust_for or experiment.audience:
        raise ValueError("adjust_for and audience must be absent to draw tables; draw events instead")
    shares = _weights(experiment)
    in_slice = experiment.exclusive.slice[1] - experiment.exclusive.slice[0] if experiment.exclusive else 1.0
    met = _visitors_by_hour(truth, rng, start, days, visitors)
    exposed = rng.multinomial(rng.binomial(met, experiment.traffic * in_slice), shares)
    by_variant = {variant.key: outcomes(experiment, truth, variant.key) for variant in experiment.variants}
    likeliest: dict[Outcome, float] = defaultdict(float)
    for chances in by_variant.values():
        for outcome, chance in chances.items():
            likeliest[outcome] += chance
    kinds = sorted(likeliest, key=lambda outcome: -likeliest[outcome])  # the draw ends early when few are left
    probabilities = np.array([[chances.get(kind, 0.0) for kind in kinds] for chances in by_variant.values()])
    counted = rng.binomial(exposed, _counted_share(truth))
    counts = rng.multinomial(counted, probabilities / probabilities.sum(axis=1, keepdims=True))  # hour, variant, kind

    keep = exposed.sum(axis=1) > 0
    first = int(start.timestamp()) // 3600
    cohorts = first + np.arange(days * 24, dtype=np.int64)
    with_visitors = counted.sum(axis=1) > 0
    reach = np.tensordot(counts, np.array([kind.reached for kind in kinds], dtype=np.int64), axes=1)
    steps = {
        step.step: StepReach(
            cohorts[with_visitors],
            counted[with_visitors][:, np.newaxis, :],
            reach[with_visitors, :, k][:, np.newaxis, :],
        )
        for k, step in enumerate(experiment.steps)
    }
    keys = tuple(variant.key for variant in experiment.variants)
    table = ReachTable(keys, ("",), Exposed(cohorts[keep], exposed[keep]), steps)
    return table, _patterns(experiment, truth, rng, cohorts // 24, counts, kinds)


def true_rates(experiment: Experiment, truth: Truth) -> Mapping[str, Mapping[str, float]]:
    """What share of each variant's visitors really reaches each step within its window? Variant -> step -> share."""
    rates: dict[str, Mapping[str, float]] = {}
    for variant in experiment.variants:
        chances = outcomes(experiment, truth, variant.key)
        rates[variant.key] = {
            step.step: sum(chance for outcome, chance in chances.items() if outcome.reached[k])
            for k, step in enumerate(experiment.steps)
        }
    return rates


def _patterns(
    experiment: Experiment,
    truth: Truth,
    rng: np.random.Generator,
    days: Counts,
    counts: Counts,
    kinds: list[Outcome],
) -> PatternTable:
    found, where = np.unique([kind.pattern for kind in kinds], return_inverse=True)
    present, day = np.unique(days, return_inverse=True)
    by_day = np.zeros((len(present), *counts.shape[1:]), dtype=np.int64)
    np.add.at(by_day, day, counts)
    daily = by_day @ (where[:, np.newaxis] == np.arange(len(found))).astype(np.int64)
    i, variant, pattern = np.nonzero(daily)
    visitors = daily[i, variant, pattern]
    sold = np.where(found[pattern] >> (len(experiment.path) - 1) & 1, visitors, 0)
    row = np.repeat(np.arange(len(visitors)), sold)
    values = amounts(experiment, truth, rng, len(row))
    value_sum, value_sq = np.zeros_like(visitors), np.zeros_like(visitors)
    np.add.at(value_sum, row, values)
    np.add.at(value_sq, row, values**2)
    keys = tuple(v.key for v in experiment.variants)
    steps = tuple(step.step for step in experiment.steps)
    return PatternTable(keys, steps, present[i], variant, found[pattern], visitors, value_sum, value_sq)


def _visitors_by_hour(truth: Truth, rng: np.random.Generator, start: datetime, days: int, visitors: int) -> Counts:
    weights = np.tile(np.roll(np.array(truth.hours, dtype=float), -start.hour), days)
    return rng.multinomial(visitors, weights / weights.sum())


def _weights(experiment: Experiment) -> npt.NDArray[np.float64]:
    weights = np.array([variant.weight for variant in experiment.variants])
    return np.asarray(weights / weights.sum())


def _counted_share(truth: Truth) -> float:
    return sum(crowd.share for crowd in truth.crowds if crowd.counted) / sum(crowd.share for crowd in truth.crowds)


def _longest_pause(experiment: Experiment) -> timedelta:
    """Between two actions of one visit: so short that a whole visit fits into every window and into an hour."""
    shortest = min(experiment.window_of(step) for step in experiment.steps)
    return min(_SLOWEST, min(shortest, HOUR) / (len(experiment.steps) + 1))


def _variant(experiment: Experiment, visitor: VisitorId, crowd: Crowd, reported: int) -> str | None:
    """The variant this visitor gets, None for who is not in the experiment."""
    if experiment.assignment == "reported":
        return experiment.variants[reported].key
    attributes = {key: value for key, value in crowd.attributes.items() if key not in ("bot", "staff")}
    assignment = assign(experiment, visitor, attributes)
    return assignment.variant if assignment.in_experiment else None
