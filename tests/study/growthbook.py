"""GrowthBook's own engine, asked for its intervals; runs in the environment of requirements-study.lock.

    python growthbook.py < questions.json

Reads a list of [visitors of control, reached, visitors of variant, reached, relative?] and prints the list of its
[lower, upper, p-value, error message or null], at the defaults of GrowthBook: level .05, tuning 5,000.
"""

import json
import sys

from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import ProportionStatistic


def main() -> None:
    """One answer per question, in order."""
    answers = []
    for n_a, s_a, n_b, s_b, relative in json.load(sys.stdin):
        config = SequentialConfig(difference_type="relative" if relative else "absolute")
        result = SequentialTwoSidedTTest(
            ProportionStatistic(n=n_a, sum=s_a), ProportionStatistic(n=n_b, sum=s_b), config
        ).compute_result()
        answers.append([*map(float, result.ci), float(result.p_value), result.error_message])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
