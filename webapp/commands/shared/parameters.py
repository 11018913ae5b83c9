"""The types of options and arguments: percentages, percentages of a step, moments of the past."""

from datetime import UTC, datetime

import click

from experiments.definition.quantity import past_moment, percentage


class Percentage(click.ParamType["float"]):
    """A share of more than 0% and at most `most`, as a number in (0, 1]; `signed`: or as much less than nothing."""

    name = "percentage"

    def __init__(self, most: float = 1.0, signed: bool = False) -> None:
        self.most = most
        self.signed = signed

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number that was meant. Fails, saying what would be right, for what is no percentage or out of range."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        sign = -1 if self.signed and text.startswith(("-", "\u2212")) else 1
        share = percentage(text[1:] if sign < 0 or (self.signed and text.startswith("+")) else text)
        if share is None:
            self.fail(f"{value!r} is no percentage; write one such as 10% or 2.5%", param, ctx)
        if not 0 < share <= self.most:
            self.fail(f"{value!r} must be more than 0% and at most {self.most * 100:g}%", param, ctx)
        return sign * share


class StepPercentage(click.ParamType["tuple[str, float]"]):
    """A percentage, perhaps with the key of its step before it: 3% or email-given=12%. The key is empty without."""

    name = "percentage"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Step key and share. Fails as Percentage does."""
        if isinstance(value, tuple):
            return value
        step, _, share = str(value).rpartition("=")
        return step.strip(), Percentage(0.9999).convert(share, param, ctx)


class PastMoment(click.ParamType["datetime"]):
    """An instant with its time zone, or a day (its first moment, UTC), from 2000 to now."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant in UTC. Fails, saying what would be right, for another text or another time."""
        try:
            return past_moment(str(value), datetime.now(UTC), days=True)
        except ValueError as error:
            self.fail(f"it is {value!r}, {error}.", param, ctx)
