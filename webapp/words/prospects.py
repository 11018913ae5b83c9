"""Prospects: sentences about what is to come: when an experiment decides, what a plan says, how healthy one is.

Filled by `say`, like the others, which are in wording.py. For translation.
"""

from __future__ import annotations

from collections.abc import Mapping

PROSPECTS: Mapping[str, str] = {
    # health in one word, and why
    "condition.uneven": "since {day} visitors are not divided as planned, so the verdict is withdrawn",
    "condition.harmed": "the guardrail “{step}” shows harm beyond its margin",
    "condition.moving": "the effect moved so much over time that no single value fits all the data",
    "condition.unstable": "decided on {day}, but today’s data alone would not decide",
    "condition.silent": "nobody has come since it started",
    "condition.silent.since": "nobody has come since {moment}",
    "condition.late": "{events} came too late to count ({share} of its visitors)",
    "condition.lossy": "{events} of who was shown what could not be written ({share} of its visitors)",
    "condition.unknown": "no hour of visitors is complete yet",
    "condition.empty": "nobody came while it ran",
    "condition.good": "visitors are divided as planned",
    # when a running experiment decides
    "outlook.decided": "Decided {day}",
    "outlook.about": "About {day}",
    "outlook.any-day": "Any day now",
    "outlook.unlikely": "Probably never",
    "outlook.over": "Its plan is over",
    "outlook.latest": "By {day}",
    "outlook.pending": "Being computed",
    "outlook.unknown": "Not known",
    "outlook.if": "on average, if the change is {detect}; {latest}",
    "outlook.borrowed": "reckoned with what {lender} measured",
    "outlook.until": "at the latest {day}",
    "outlook.until.open": "{chance} of the time by {day}",
    "outlook.unlikely.why": (
        "{planned} visitors find a change of {detect} only {chance} of the time; they are all in by {day}"
    ),
    "outlook.over.why": "its {planned} visitors had their time on {day}; looking on rarely decides any more",
    "outlook.latest.why": "when its {planned} visitors have had their time; no average, because {missing}",
    "outlook.past": "on average it would be decided by now, if the change were {detect}: it may be smaller, or none",
    "outlook.pending.why": "it takes a moment; reload this page",
    "outlook.no-detect": "its config does not say which change is worth finding (`detect`)",
    "outlook.no-rate": "there is no rate yet: no visitor has had time for the goal",
    "outlook.never-reached": "nobody has reached the goal yet",
    "outlook.no-traffic": "there is no rate yet: no whole day of visitors",
    "outlook.no-visitors": "nobody has come in the last two weeks",
    "outlook.no-room": "nearly everybody reaches the goal already",
    "outlook.too-many": "it would take more visitors than there are people",
    "outlook.too-long": "at this pace it takes more than a hundred years",
    "outlook.withdrawn": "not while the verdict is withdrawn",
    "outlook.final": "Final on {day}",
    "outlook.final.why": "until then visitors still have time for the goal",
    # what a plan says
    "plan.headline": (
        "{visitors} visitors are needed to find a change of {detect} in “{goal}” ({rate} of visitors) {often}."
    ),
    "plan.headline.none": "A change of {detect} in “{goal}” cannot be planned for.",
    "plan.often": "{share} of the time",
    "plan.nearly-always": "nearly always",
    "plan.see": "{visitors} see {variant}",
    "plan.each": "That is: {each}.",
    "plan.days": "At {per_day} visitors a day they come in {days}; the last ones then have {window} more.",
    "plan.decision": "If the change is there, expect the decision about {expected}; all is in by {latest} ({weeks}).",
    "plan.decision.unlikely": (
        "With so few it will probably end undecided, even if the change is there; all is in by {latest} ({weeks})."
    ),
    "plan.weeks": "whole weeks",
    "plan.weeks.least": "whole weeks, at least {at_least}",
    "plan.found": "In {days} it can find a change of {detectable} or more {often}.",
    "plan.found.nothing": "In {days} it can find no change: too few visitors will have had their time.",
    "plan.write": "Write into its config file: `{line}`.",
    "plan.config": "Its config plans {visitors} visitors",
    "plan.config.finds": ", who find a change of {detect} {often}",
    "plan.config.detects": "; {detectable} and more they find {often}",
    "plan.no-rate.command": "not measured yet; say --rate {step}=10%",
    "plan.no-rate.form": "not measured yet",
    "plan.never-reached.command": "nobody has reached it yet; say --rate {step}=1%",
    "plan.never-reached.form": "nobody has reached it yet",
    "plan.no-room": "nearly everybody reaches it already: {detect} more is impossible",
    "plan.too-many": "more visitors than there are people",
    "plan.method.planned": "look whenever you like, best up to the plan",
    "plan.method.always-valid": "look whenever you like, no plan",
    "plan.method.fixed": "one look only, nothing before it",
    "plan.source.rates.command": "Rates of {steps}: as you said, with --rate.",
    "plan.source.rates.form": "Rates of {steps}: as you said.",
    "plan.source.measured": "Rates: measured in {phase}, all variants together.",
    "plan.source.measured.goal": (
        "Rates: measured in {phase}, all variants together: {reached} of {visitors} reached “{goal}”."
    ),
    "plan.source.traffic": "Visitors a day: the last {days} of {phase}.",
    "plan.source.traffic.command": "Visitors a day: as you said, with --visitors-per-day.",
    "plan.source.traffic.form": "Visitors a day: as you said.",
    "plan.source.family": (
        "Steps before the goal, and secondary actions, share their own {alpha} risk of a wrong verdict, so each needs "
        "more visitors than alone."
    ),
    "plan.source.days": "Days include the time that the last visitors have for the step.",
    "plan.phase.this": "this experiment",
    "plan.phase.earlier": "its phase {phase}",
    "plan.phase.other": "{other}, which has the same trigger",
    # what the form of the plan page asks for, and what is wrong with an answer
    "plan.asks": "To plan it, say {what}.",
    "plan.asks.detect": "which change is worth finding",
    "plan.asks.rate": "how many visitors reach the goal",
    "plan.asks.traffic": "and, for days and dates, how many visitors a day take part",
    "plan.pending": "Being computed. This page shows the plan in a moment; if it does not, reload it.",
    "plan.share.wrong": "“{value}” is no percentage; write one such as {example}.",
    "plan.share.range": "“{value}” must be more than {least} and at most {most}.",
    "plan.share.from": "“{value}” must be from {least} to {most}.",
    "plan.number.wrong": "“{value}” must be a number above 0, such as {example}.",
    "plan.days.wrong": "“{value}” must be a whole number of days from 1 to {most}.",
    "plan.step.unknown": "“{value}” is no step; the steps are {steps}.",
    "plan.chart.none": "There is no picture: so many visitors take longer than ten years.",
    "plan.chances": (
        "The chance that “{goal}” is decided by then, if the true change is so big. Without any change, whatever is "
        "decided is a false alarm; its chance stays at or below {alpha}."
    ),
}
