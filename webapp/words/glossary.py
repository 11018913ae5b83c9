"""Glossary: what each number of a result page means, one click away from it. For translation."""

from __future__ import annotations

from collections.abc import Mapping

Terms = Mapping[str, str]

_CHANGE = "The difference as a share of the control’s number: +10% of a rate of 3% is a rate of 3.3%."
_FIT = (
    "Every true change that the data so far do not speak against. It is made for being looked at every day: the true "
    "change stays inside it, at all times together, with the certainty named under “How it is judged”."
)
_P = (
    "How surprising the data would be without any difference, at its lowest so far, and widened for how many "
    "comparisons share one risk. It is small enough exactly when the interval excludes no effect."
)
_DAYS = "Visitors of whole days (UTC) whose time for the goal is over."

TERMS: Mapping[str, Terms] = {
    "goal": {
        "Visitors": "Everybody who was shown a variant, before anybody is left out.",
        "Had time": "Visitors who count, and came so long ago that their time for the goal is over.",
        "Reached it": "How many of those who had time reached the goal. Each visitor counts once.",
        "Rate": "Reached it, as a share of those who had time.",
        "Still in time": (
            "Visitors who came so lately that they may still reach the goal, and how many are there already. They "
            "count when their time is over; before, a variant whose visitors are merely slower would look worse."
        ),
    },
    "ladder": {
        "Strength of a yes": (
            "Weak is attention, such as a page seen; medium is an act, such as starting a form; strong gives "
            "something, such as an e-mail address. The config gives each step its grade."
        ),
        "Visitors": _DAYS,
        "Share": "Visitors with at least one yes so strong, or stronger, as a share of all visitors of the variant.",
    },
    "steps": {
        "Change": _CHANGE,
        "The data fit": _FIT,
        "p": _P,
        "More visitors": (
            "How many more it takes, all variants together, to find the change worth finding (detect) at this step "
            "four times in five, if it is there. If enough came, the change may be smaller, or there may be none."
        ),
        "Margin": "How much harm a guardrail allows; the mark on its picture. Safe is: more harm is ruled out.",
    },
    "decomposition": {
        "Change here": (
            "Of the visitors who reached the step before, how many more (or fewer) went on, relative to the control. "
            "The factors of all steps multiply to that of the whole."
        ),
        "The data fit": _FIT,
        "Share of the whole": (
            "The step’s part of the logarithm of the whole change. Parts may be negative or above 100%. There is none "
            "while the whole may be nothing."
        ),
    },
    "worth": {
        "Visitors": _DAYS,
        "Conversions": "Of these, how many reached the goal.",
        "Value": "What their goals brought, each visitor’s first one, capped as the config says.",
        "Per visitor": "Value divided by all visitors, also those who brought nothing.",
        "Declared": "What the config says the step is worth.",
        "Learned": (
            "The average value of visitors who did this, less the average value of those who did not; all variants "
            "together."
        ),
        "How well known": (
            "Declared: the config says so, and no more is known. Associated: visitors who do this bring more (or "
            "less), whatever the reason. Moved together: in at least 3 finished experiments a variant moved "
            "this step and the goal the same way."
        ),
    },
    "segments": {
        "Rate": "Share of this group’s visitors, of whole days (UTC) whose time is over, who reached the goal.",
        "Change": _CHANGE,
        "The data fit": (
            "Every true change in this group that the data do not speak against, widened for how many were looked at."
        ),
        "p": (
            "How surprising the group’s data would be without any difference, adjusted for all groups "
            "(Benjamini-Yekutieli)."
        ),
        "Stands out": "The interval excludes no change, after the adjustment. A hint; it may still be a false alarm.",
    },
    "home": {
        "Visitors": "Everybody who was shown a variant, before anybody is left out.",
        "Decision": (
            "When the goal is decided, reckoned with the rate and the traffic measured so far, in whole weeks. “On "
            "average” holds if the true change is the one that the config calls worth finding; a bigger one is found "
            "sooner, a smaller one later or never. Looking earlier does no harm."
        ),
        "Health": (
            "The worst that is known of the data: visitors not divided as planned, a guardrail harmed, an effect that "
            "does not last, no visitors, or reports that came too late or were lost. Good: none of these."
        ),
        "The picture": (
            "The change of the goal against the control, and everything the data fit; “no effect” is the line in the "
            "middle. Each experiment has its own scale."
        ),
    },
    "plan": {
        "Visitors": "All variants together; so many find the change with the chance asked for, if it is there.",
        "On average": (
            "How many have come, or days have passed, when it is decided, if the change is there: a clear effect is "
            "often seen before all visitors of the plan are in."
        ),
        "Days": "How long the visitors take to come, and the last of them to have had their time for the step.",
        "Rate": "Share of visitors who reach the step, all variants together.",
        "Can find": "The smallest change that the visitors of so many days show with the chance asked for.",
        "Chance of finding it": (
            "How often an experiment with so many visitors ends with a verdict, if the true change is as big as asked. "
            "80% is four times in five."
        ),
    },
    "time": {
        "Visitors": _DAYS,
        "Reached": "How many of them reached the step at all, within the experiment’s window.",
        "Within": (
            "Time since the visitor’s first exposure. A later step of the path reaches those before it at the latest."
        ),
        "A quarter, half, three quarters": (
            "So long it took at most for the quickest quarter, half and three quarters of those who reached the step; "
            "at most 1% too long. Half is the median."
        ),
    },
}
"""Section of the page -> its terms, in the order in which they are met."""
