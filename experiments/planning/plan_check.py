"""PlanCheck: does what a config file plans suit the rate at which visitors convert?"""

import math

from experiments.definition.experiment import Experiment
from experiments.definition.problem import Fault
from experiments.definition.quantity import write_share


def visitors_for_detect(experiment: Experiment, macro_rate: float) -> int | None:
    """About how many visitors, all variants together, does the plan need to find `detect` at the macro-conversion?

    So many that tau^2 = 7.78 V, tau = log(1 + detect): the effect is then nearly 2.8 standard errors, and one look at
    the level 0.05 finds it four times in five. V = (1 - p) / (w p) is the variance of the log relative lift at the
    pooled rate p, in (0, 1), and w = nA nB / (nA + nB) that of the smallest variant. None without `detect`.
    """
    analysis, control = experiment.analysis, experiment.control.weight
    if not analysis.detect:
        return None
    total = sum(variant.weight for variant in experiment.variants)
    smallest = min(variant.weight for variant in experiment.variants[1:])
    weight = control * smallest / (control + smallest) / total
    return math.ceil(7.78 * (1 - macro_rate) / (macro_rate * weight * math.log1p(analysis.detect) ** 2))


def doubt(experiment: Experiment, macro_rate: float) -> Fault | None:
    """Do `detect` and `planned_visitors` disagree by more than a factor of two in visitors, at this rate in (0, 1)?"""
    planned, detect = experiment.analysis.planned_visitors, experiment.analysis.detect
    needed = visitors_for_detect(experiment, macro_rate)
    if planned is None or needed is None or detect is None or 1 / 2 <= planned / needed <= 2:
        return None
    what = (
        f"is {planned:,}, but to find a change of {write_share(detect)} takes about {_rounded(needed):,} "
        f"where {write_share(float(f'{macro_rate:.2g}'))} of the visitors reach {experiment.macro.step}"
    )
    if planned > needed:
        smaller = math.expm1(math.log1p(detect) * math.sqrt(needed / planned))
        remedy = f"plan fewer, or write detect: {write_share(float(f'{smaller:.2g}'))}, which so many can find"
    else:
        remedy = "plan more, or look for a bigger change with detect; yesladder plan shows what goes together"
    return Fault(("analysis", "planned_visitors"), what, remedy)


def _rounded(visitors: int) -> int:
    """To two digits: more would promise what a rough rule does not hold."""
    return round(visitors, 2 - len(str(visitors)))
