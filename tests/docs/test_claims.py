"""Numbers that the README says by itself, computed."""

from __future__ import annotations

import math
import re

from stats.power import Contrast, Judging, sample_size
from tests.docs.pages import page


def test_so_many_visitors_does_the_example_take() -> None:
    text = " ".join(page("README.md").text.split())
    said = re.search(r"a (\d+)% conversion rate, a (\d+)% lift takes some ([\d,]+) visitors per variant", text)
    assert said
    rate, lift = int(said[1]) / 100, int(said[2]) / 100
    contrast = Contrast(rate, rate * (1 + lift), share_a=0.5, share_b=0.5)
    needed = sample_size(contrast, Judging("planned", level=0.05, tau=math.log(1 + lift)), power=0.8)
    assert needed
    per_variant = needed.visitors / 2
    assert abs(per_variant - int(said[3].replace(",", ""))) < 0.02 * per_variant
