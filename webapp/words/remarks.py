"""Remarks: sentences beside the verdict: what people decided, a log that was lost, how long visitors took.

Filled by `say`, like the others, which are in wording.py. For translation.
"""

from __future__ import annotations

from collections.abc import Mapping

REMARKS: Mapping[str, str] = {
    # the decision record: what was decided
    "record.idea.none": "No hypothesis is written in the config.",
    "record.none": (
        "Nothing is written down yet. When you have decided, add the key `decision` to its config file, so that "
        "others can see what came of it. No number depends on it."
    ),
    "record.ship": "Ship {shipped}",
    "record.keep-control": "Keep {control}",
    "record.inconclusive": "Inconclusive",
    "record.data.withdrawn": "Its numbers are for finding the fault only.",
    # the decision record: how it goes with what the data say
    "record.later": "It was decided after the moment that this page shows.",
    "record.agrees": "The data say the same.",
    "record.no-verdict.ship": (
        "The data have no verdict on it: they fit a true effect of {fit}. So it was decided on other grounds."
    ),
    "record.no-fit.ship": "The data have no verdict on it. So it was decided on other grounds.",
    "record.too-early.ship": "There is not enough data for a verdict, so it was decided on other grounds.",
    "record.worse.ship": ("The data say otherwise: {shipped} brings fewer visitors to “{goal}” than {control}."),
    "record.before-verdict": "It was decided before the data had this verdict, which they reached on {day}.",
    "record.equivalent": "The data do not speak against it: no difference big enough to matter.",
    "record.withdrawn": (
        "The verdict is withdrawn, because visitors were not divided as planned. So the data can neither back this "
        "decision nor speak against it."
    ),
    "record.better.keep": "The data say otherwise: {better} brings more visitors to “{goal}” than {control}.",
    "record.why": "There may be good reasons for that; a `note` in the config file is the place for them.",
    "record.no-verdict.keep": "The data have not shown that another variant is better.",
    "record.verdict.inconclusive": "The data do have a verdict: {state}, since {day}.",
    "record.no-verdict.inconclusive": "The data have no verdict either.",
    "record.served": "The config file gives {served} to everybody, though: `serve`.",
    # a log that was set aside
    "aside.corrupt": (
        "The site’s database was damaged and set aside on {day} as `{file}`. The counts began anew then: whoever came "
        "before is missing from these numbers, or counted again as somebody new."
    ),
    "aside.replaced": (
        "The site’s database was deleted or replaced while it was in use, on {day}. The numbers are those of the "
        "database that is there now; its last events before may be in `{file}`."
    ),
    "aside.mend": "Events can be brought back; the README says how under “When something breaks”.",
    # how long visitors take
    "time.lead": (
        "Only visitors whose whole {window} are over are in these numbers. Of those who came later, only the quick "
        "ones could have got there yet, so every variant would look faster than it is."
    ),
    "time.describes": (
        "This describes; it is no test and gets no verdict. The curve compares the same visitors, all of each "
        "variant’s. The times of those who got there compare different people, because a variant also changes who "
        "gets there. Each step is followed for the whole window, also where the verdict gives it a shorter one."
    ),
    "time.few": "A dash: fewer than 20 got there, which is not enough data.",
    "time.gone": (
        "The raw events of this phase were deleted, as `retention` of the site says. Its counts stay for good, but "
        "they do not keep how long each visitor took."
    ),
    "time.many": (
        "More than {visitors} visitors have had their time. Reading them all would keep the site’s other visitors "
        "waiting, so ask on the command line: `{command}`"
    ),
    "time.slow": (
        "Reading the log took longer than {seconds} seconds, and was given up so that nobody waits for it. Ask on the "
        "command line: `{command}`"
    ),
    "time.busy": "Another such page is being made at this moment. Reload this one in a few seconds.",
    # a lasting address
    "share": (
        "The link keeps phase and moment, so it shows these numbers also tomorrow. To copy it, right-click it or press "
        "and hold, or open it and copy the address. A number changes later only by a dated revision; visitors who "
        "still had time are counted as they are known when it is opened."
    ),
}
