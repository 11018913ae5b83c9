"""The rival's formula against gbstats: golden numbers always, its own engine in the full study."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from stats.proportions.score import Pair
from tests.study import asymptotic
from tests.study.replications import FULL
from tests.study.worlds import World

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("growthbook.py")
ENGINE = ROOT / ".venv" / "study" / "bin" / "python"  # `make study` makes it from requirements-study.lock

# gbstats 0.8.0: SequentialTwoSidedTTest(control, variant, SequentialConfig(alpha=0.05, difference_type="relative" or
# "absolute", sequential_tuning_parameter=tuning)).compute_result().ci of two ProportionStatistic.
# n and s of the control, of the variant; relative; tuning; lower, upper
GOLDEN = [
    (1000, 20, 1000, 31, False, 20000, -0.016160768201342306, 0.0381607682013423),
    (5000, 100, 5000, 140, False, 5000, -0.001367920191047034, 0.017367920191047034),
    (5000, 100, 5000, 140, True, 5000, -0.1545923231222328, 0.9545923231222329),
    (20000, 400, 20000, 480, False, 20000, -0.0004902593587507772, 0.008490259358750777),
    (10000, 1000, 10000, 1200, False, 5000, 0.0061698096003235635, 0.03383019039967641),
    (100, 50, 100, 65, True, 5000, -0.5223438356663621, 1.1223438356663622),
    (100, 50, 100, 65, False, 20000, -0.4777431083723058, 0.7777431083723059),
    (4500, 450, 500, 70, False, 5000, -0.009016510839308267, 0.08901651083930828),
    (4500, 450, 500, 70, True, 5000, -0.10788760688493187, 0.907887606884932),
    (1000, 5, 1000, 16, False, 20000, -0.006547487124589819, 0.028547487124589817),
    (20000, 10000, 20000, 10300, True, 5000, -0.0025998415058630167, 0.06259984150586306),
    (20000, 10000, 20000, 10300, False, 20000, -0.0003039415449104278, 0.030303941544910454),
    (400, 2, 380, 0, True, 5000, np.nan, np.nan),  # there it answers (0, 0)
    (400, 2, 380, 0, False, 20000, np.nan, np.nan),
]


def one_look(n_a: float, s_a: float, n_b: float, s_b: float) -> Pair:
    return Pair(*(np.array([[count]], dtype=np.float64) for count in (n_a, s_a, n_b, s_b)))


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_the_formula_gives_the_numbers_of_gbstats(case: tuple[int, int, int, int, bool, int, float, float]) -> None:
    *counts, relative, tuning, lower, upper = case
    ends = asymptotic.interval(one_look(*counts), relative=relative, tuning=tuning)
    assert [end[0] for end in ends] == pytest.approx([lower, upper], rel=1e-9, nan_ok=True)


@pytest.mark.slow
def test_the_formula_says_what_growthbooks_engine_says() -> None:
    """Looks of the worlds in which power is measured. Its engine lives in an environment of its own (it needs an older
    numpy), which the full study makes; the reduced one has the golden numbers above."""
    chosen = np.arange(0, 200, 9)
    questions: list[list[float | bool]] = []
    for world in (World((0.005, 0.0065)), World((0.02, 0.024)), World((0.1, 0.12)), World((0.5, 0.52))):
        counts = world.drawn(range(5))
        arms = (counts.n_a, counts.s_a, counts.n_b, counts.s_b)
        columns = np.stack([arm[:, chosen].ravel() for arm in arms], axis=1).tolist()
        questions += [[*map(int, column), relative] for column in columns for relative in (True, False)]
    ours = [
        [float(end[0]) for end in asymptotic.interval(one_look(*counts), relative=bool(relative))]
        for *counts, relative in questions
    ]
    assert len(ours) == 2 * 4 * 5 * len(chosen)
    if FULL:
        command = [str(ENGINE), "-W", "ignore", str(SCRIPT)]
        done = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, check=True)
        theirs = [[np.nan] * 2 if message else ends for *ends, _, message in json.loads(done.stdout)]
        assert np.array(ours) == pytest.approx(np.array(theirs), rel=1e-9, nan_ok=True)
        print(f"\n{len(theirs)} intervals of gbstats are those of the formula")
