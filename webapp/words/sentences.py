"""Wording: every sentence a result page says about data, in one place, ready for translation.

A sentence is found by its key and filled with `say`; values are escaped, names of variants are set in bold. Which
sentence is true is decided elsewhere (verdict.py, data_health.py); here is only how to say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from markupsafe import Markup

from experiments.definition.definition import Interval
from webapp.words.formatting import interval
from webapp.words.prospects import PROSPECTS
from webapp.words.remarks import REMARKS

SENTENCES: Mapping[str, str] = {
    **REMARKS,
    **PROSPECTS,
    # headline of the verdict
    "headline.draft": "Not started: nothing is served and nothing is counted.",
    "headline.empty": "Waiting for the first visitor.",
    "headline.collecting": "Still collecting: it is too early to say anything about “{goal}”.",
    "headline.undecided": ("No verdict yet: {treatment} may bring more visitors to “{goal}” than {control}, or fewer."),
    "headline.open": (
        "No verdict: {treatment} may bring more visitors to “{goal}” than {control}, or fewer; the data cannot tell."
    ),
    "headline.better": "{treatment} brings more visitors to “{goal}” than {control}.",
    "headline.better.many": "{treatment} bring more visitors to “{goal}” than {control}.",
    "headline.worse": "{treatment} brings fewer visitors to “{goal}” than {control}.",
    "headline.worse.many": "{treatment} bring fewer visitors to “{goal}” than {control}.",
    "headline.equivalent": (
        "{treatment} and {control} bring equally many visitors to “{goal}”, give or take {detect}."
    ),
    "headline.withdrawn": "Verdict withdrawn: the visitors were not divided as planned.",
    "variants": "{some} of {all} variants",
    # what is known about the effect
    "effect.measured": "Measured so far: {lift}. The data fit a true effect of {interval}.",
    "effect.measured.one": "Measured: {lift}. The data fit a true effect of {interval}.",
    "effect.named": "{treatment}, {state}: {lift} measured; the data fit {fit}.",
    "effect.outside": (
        "The latest measurement lies outside that range, because the range keeps what earlier days ruled out."
    ),
    "effect.none": "There is not enough data yet for a number.",
    "effect.withdrawn": (
        "Something treats the variants differently before anybody is counted, so the difference between them "
        "cannot be blamed on the variants. The numbers below are shown for finding the fault only."
    ),
    "fit.none": "no single effect fits all days",
    "gate.missing": (
        "A first reading needs about {needed} visitors who reach “{goal}”, over both variants; "
        "so far there are {have}, about {missing} to go."
    ),
    "gate.missing.rest": (
        "Nearly everybody reaches “{goal}”. A first reading needs about {needed} visitors who do not; so far "
        "there are {have}, about {missing} to go."
    ),
    "gate.window": (
        "Visitors count for “{goal}” {window} after they arrive, because they have that long to get there."
    ),
    "unstable": (
        "Decided on {day}; today’s data alone would not decide. The effect is not stable: it looked clearer "
        "then than "
        "it does now."
    ),
    "decided": "Decided on {day}, and today’s data alone say the same.",
    # what to do next
    "next.empty": (
        "Open a page of yours that shows the trigger, then look at “Is it working?” to see the events arrive."
    ),
    "next.collecting": "Nothing but wait. You may look as often as you like.",
    "next.collecting.fixed": "Nothing but wait.",
    "next.undecided": "Let it run on. You may look as often as you like: looking does not spoil the result.",
    "next.undecided.fixed": (
        "Let it run on until the one planned look at {planned} visitors; before it, nothing is decided."
    ),
    "next.undecided.over": (
        "The one planned look is over and did not decide; more data will not change that. Keep {control}, or "
        "start a new phase with more visitors planned."
    ),
    "next.stop.early": (
        "If even the best case, {best}, would not be worth the change, you may stop now and keep {control}."
    ),
    "next.planned": "{have} of {planned} planned visitors have had time for every step.",
    "next.ship.wait": (
        "Do not switch yet: let it run until {day}, as planned (`at_least: {at_least}`), so that it covers whole weeks."
    ),
    "next.unstable": (
        "Wait if you can, and see whether the effect lasts: the verdict stands, but today’s data are "
        "weaker than those that decided it."
    ),
    "next.ship": (
        "Show {treatment} to everybody: set `status: stopped` and `serve: {treatment_key}` in its config file."
    ),
    "next.ship.best": (
        "Choose among the winners by what else you know; that one of them beats {control} does not say that "
        "it beats the others."
    ),
    "next.ship.cautious": (
        "When you plan with the gain, count on the cautious end, {worst}, rather than on what was measured."
    ),
    "next.worse": "Keep {control}: set `status: stopped` and `serve: {control_key}` in its config file.",
    "next.worse.path": (
        "The path below shows at which step {treatment} falls behind; that step is worth the next experiment."
    ),
    "next.equivalent": "Keep whichever is cheaper or nicer to have. A difference big enough to matter is ruled out.",
    "next.withdrawn.find": (
        "Look for what could favour one variant: a redirect, a slow or failing script, a cache, a bot filter,"
        " an edit during the test."
    ),
    "next.withdrawn.restart": "When it is mended, start afresh with `phase: {phase}`.",
    "next.weeks": "It has run for {length}. Weekdays differ, so stop after whole weeks; the next one is full on {day}.",
    "next.stopped": "This phase ended on {day}.",
    "next.keep": "Keep {control}.",
    "next.serve": "Show {treatment} to everybody: set `serve: {treatment_key}` in its config file.",
    "next.stopped.open": "Keep {control}, or ask again in a new phase with more visitors or a bolder change.",
    "next.stopped.immature": "Visitors who came last still have time to convert, so its numbers can still grow.",
    "next.stopped.served": "Everybody now gets {served}, and nothing is counted.",
    "next.draft": (
        "Set `status: running` in its config file to start it, and try the variants with the preview links first."
    ),
    # method
    "method.always-valid": (
        "You may look whenever you like and stop whenever you like: the limits are made for being looked at "
        "all "
        "the time, so the risk of a false verdict stays at or below {alpha} however often you look."
    ),
    "method.planned": (
        "You may look whenever you like and stop whenever you like: most of the {alpha} risk of a false "
        "verdict is spent up to "
        "the planned {planned} visitors, the rest is kept for after them."
    ),
    "method.fixed": (
        "One look only: the verdict falls once, when {planned} visitors have had time for the step. Numbers "
        "before that decide nothing, and numbers after it change nothing."
    ),
    "family.primary": ("The goal, “{goal}”, is the primary question: the risk of a wrong verdict is at most {alpha}."),
    "family.primary.many": (
        "The goal, “{goal}”, is the primary question: the risk that any of its {size} gives a wrong verdict "
        "is at most {alpha}."
    ),
    "family.diagnostic": (
        "The other step is diagnostic: it says where the effect comes from, and never decides the experiment."
        " The risk of a wrong "
        "verdict on it is, separately, at most {alpha}."
    ),
    "family.diagnostic.many": (
        "All other steps are diagnostic: they say where the effect comes from, and never decide the "
        "experiment. The risk "
        "that any of their {size} gives a wrong verdict is, separately, at most {alpha}."
    ),
    "family.guardrail": (
        "Guardrails watch for harm: safe is one where harm beyond its margin is ruled out. Each is judged by itself, "
        "with {alpha} risk of a false alarm and {alpha} of a false all-clear."
    ),
    "needed.more": "about {visitors} more visitors",
    "needed.enough": "enough visitors came",
    "conditional": (
        "“Of the step before” compares different people in each variant, because a variant also changes who "
        "gets that far. "
        "It describes where visitors are lost; it is no test and gets no verdict."
    ),
    "guardrail": "“{step}” (margin {margin}): {state}; {reason}.",
    # the ladder of commitment, and where the lift arises
    "ladder": (
        "How strong a yes did visitors give? Share of all visitors of a variant who gave one at least so strong, on "
        "the path or beside it. It describes what happened; it is no test."
    ),
    "ladder.empty": "No day of visitors is complete yet, so nobody stands on the ladder.",
    "decomposition.alone": "The path has one step only, so all of the change arises there.",
    "decomposition.reading": (
        "Each bar starts where the one before ends: it is the change in how many of those who reached the step before "
        "went on. The changes multiply to the whole. A step whose interval includes 0% may be chance. The interval "
        "of the whole is of another kind than the verdict’s and does not replace it."
    ),
    # what visitors and steps are worth
    "value.none": (
        "“{goal}” has no value in the config, so there is no money to compare. Give it one with `value:` in a new "
        "phase: a number, or the name of the property that carries the amount."
    ),
    "value.level": (
        "This question is asked at its own level: a wrong answer to it, over all variants, has a risk of at most "
        "{alpha}. It never decides the verdict, which is about how many visitors reach “{goal}”: a variant may bring "
        "more of them and earn less from each, or the other way round."
    ),
    "money.nothing": "not enough data yet",
    "money.above": "above {low}",
    "money.below": "below {high}",
    "money.between": "{low} to\u00a0{high}",
    "learned.association": (
        "An association, not an effect: visitors who do this are worth so much more than visitors who do not. They may "
        "be the keener ones, and making others do it need not make these worth more. Only experiments can tell, so "
        "look for “moved together”. “Worth” is what they bring at “{goal}”."
    ),
    "learned.no.goal.value": "the goal has no value in the config",
    "badge.declared": "declared",
    "badge.associated": "associated",
    "badge.together": "moved together, {times} against {apart}",
    # segments
    "segments.exploratory": (
        "Exploratory: “{goal}” among some of the visitors, looked at from many sides. Something will stand out by "
        "chance, so nothing here decides anything; a surprise is a question for the next experiment."
    ),
    "segments.promise": (
        "Intervals and p-values are widened for looking at {size} at once: of those that stand out, on average at "
        "most {alpha} are false alarms."
    ),
    "segments.none": "No day of visitors is complete yet.",
    "segments.unknown": "This is not known of any visitor: no event and no assignment has brought it so far.",
    # data health
    "ratio.none": "No hour of visitors is complete yet, so there is nothing to compare with the planned division.",
    "ratio.fine": "Visitors are divided as planned.",
    "ratio.alarm": (
        "Visitors are not divided as planned; first noticed {day}. The verdict is withdrawn until this is explained."
    ),
    # dated changes of published numbers
    "revision": "On {day}, numbers of visitors who came from {first} to {last} changed: {cause}.",
    "revision.trusted-import": "history was imported",
    "revision.consent-withdrawn": "a visitor withdrew consent",
    "revision.forgotten": "a visitor was forgotten on request",
    "revision.definition-changed": "it became known when the phase began or ended",
    "immature.none": "Every visitor has had time for every step.",
    "immature.nobody": "Nobody has come yet.",
    "immature.some": "{visitors} came less than {window} ago and still have time for “{step}”.",
    "immature.why": (
        "They are counted once their time and one hour of grace are over, so that the slow visitors of one "
        "variant do not look like lost ones."
    ),
    "immature.grey": (
        "Grey: visitors who came so lately that they still have time. They decide nothing, and no rate counts them, "
        "until their time and one hour of grace are over."
    ),
    "over.time": (
        "A point stands where its visitors’ time was over, so who still has time is in none of them; the last one is "
        "as new as it can be."
    ),
    "one.look": "There is one look only, so there is no course to draw.",
    "ledger.none": "Nothing was left out.",
}


class Effect(Protocol):
    """Whatever has a relative lift and its interval: a comparison, a look, a segment, a part of the lift."""

    @property
    def relative_lift(self) -> float | None:
        """None: no number."""
        ...

    @property
    def relative_interval(self) -> Interval | None:
        """An end that is None is unbounded; None altogether: no interval."""
        ...


def say(key: str, **values: object) -> Markup:
    """The sentence with this key, filled and escaped; what is between backquotes is code. KeyError if unknown."""
    parts = SENTENCES[key].split("`")
    marked = "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))
    return Markup(marked).format(**values)  # our own sentence; format escapes the values


def plain(key: str, **values: object) -> str:
    """The same sentence for a terminal: filled, and nothing marked up."""
    return SENTENCES[key].format(**values)


def name(key: str) -> Markup:
    """A variant's key as sentences show it."""
    return Markup("<b>{}</b>").format(key)


def names(keys: list[str]) -> Markup:
    """Several variants' keys as one sentence has them: a, b and c."""
    shown = [name(key) for key in keys]
    if len(shown) < 2:
        return Markup().join(shown)
    return Markup(", ").join(shown[:-1]) + " and " + shown[-1]


def fit(one: Effect) -> str:
    """What the data of a comparison, a look or a part fit: its interval in words, or why there is none."""
    if one.relative_interval is None and one.relative_lift is not None:
        return str(say("fit.none"))
    return interval(one.relative_interval)


def spoken(key: str) -> str:
    """A step's key as people read it: 'job-booked' becomes 'job booked'."""
    return key.replace("-", " ").replace("_", " ")
