"""Quantities on the command line: percentages as a config file has them, and percentages of a step."""

from __future__ import annotations

import re

import click

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)\s?%")


class Percentage(click.ParamType["float"]):
    """A share of more than 0% and at most `most`, as a number in (0, 1]; `signed`: or as much less than nothing."""

    name = "percentage"

    def __init__(self, most: float = 1.0, signed: bool = False) -> None:
        self.most = most
        self.signed = signed

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip()
        sign = -1 if self.signed and text.startswith(("-", "\u2212")) else 1
        match = _PERCENT.fullmatch(text[1:] if sign < 0 or (self.signed and text.startswith("+")) else text)
        if not match:
            self.fail(f"{value!r} is no percentage; write one such as 10% or 2.5%", param, ctx)
        share = float(match[1]) / 100
        if not 0 < share <= self.most:
            self.fail(f"{value!r} must be more than 0% and at most {self.most * 100:g}%", param, ctx)
        return sign * share


class StepPercentage(click.ParamType["tuple[str, float]"]):
    """A percentage, perhaps with the key of its step before it: 3% or email-given=12%. The key is empty without."""

    name = "percentage"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        step, _, share = str(value).rpartition("=")
        return step.strip(), Percentage(0.9999).convert(share, param, ctx)
