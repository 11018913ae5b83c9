"""Numbers and words of the product that pages say by themselves, compared with it."""

from __future__ import annotations

import math
import re
import tomllib

from stats.power import Contrast, Judging, sample_size
from tests.docs.pages import ROOT, page

ENGLISH = tomllib.loads((ROOT / "webapp/words/en.toml").read_text("utf-8"))


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


def test_states_are_named_as_the_result_page_names_them() -> None:
    text = page("docs/guides/read-a-result.md").text + page("docs/explain/guardrails.md").text
    named = re.findall(r"^\| ([A-Z][a-z ]+) \| `([a-z]+)` \|", text, re.MULTILINE)
    states = ENGLISH["words"]["states"]
    assert set(named) == {(said, state) for state, said in states.items() if state not in ("draft", "open")}


def test_every_cause_of_a_changed_number_is_explained() -> None:
    text = page("docs/explain/why-a-number-changes.md").text
    causes = set(re.findall(r"^\| ([a-z-]+) \| (?!what)", text, re.MULTILINE))
    assert causes == set(ENGLISH["sentences"]["revision"]) - {"changed"}
