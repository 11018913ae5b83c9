"""The gallery: experiments ready to be copied into a site.

multi-step-form.yaml        one long contact form, or the same form in steps
popup-contact-form.yaml     a link to a contact page, or the form as a pop-up on the same page
free-trial-screener/        a real finished experiment: its definition and its published daily counts
truth/                      what is true of the simulated visitors of the first two
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.definition.experiment import Experiment
from experiments.definition.problem import SiteError
from experiments.events.event import Event
from experiments.gallery.daily_counts import expand, read_daily_counts
from experiments.site.config_file import read_config
from experiments.site.validation import validated

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One experiment of the gallery.

    `definition`: its config file. `truth`: how its simulated visitors behave, if it is one to be simulated.
    `daily_counts`: what was published of it, if it is a real one.
    """

    name: str
    definition: Path
    truth: Path | None
    daily_counts: Path | None

    @property
    def about(self) -> str:
        """What it is, in one line: the first comment of its config file."""
        return self.definition.read_text(encoding="utf-8").splitlines()[0].removeprefix("#").strip()

    def experiment(self) -> Experiment:
        """Its definition, read from its config file. Raises SiteError when that file cannot be used."""
        experiment, problems = validated(Experiment, read_config(self.definition, self.definition.name))
        if experiment is None:
            raise SiteError(problems)
        return experiment

    def history(self) -> Iterator[Event]:
        """What happened in it, as events. Raises LookupError when it is no real one."""
        if self.daily_counts is None:
            raise LookupError(f"{self.name} is no experiment that really happened, so it has no history")
        return expand(self.experiment(), read_daily_counts(self.daily_counts, "clicks", ("enrollments", "payments")))


def exhibits() -> Sequence[Exhibit]:
    """Everything in the gallery, by name."""
    definitions = sorted((*_HERE.glob("*.yaml"), *_HERE.glob("*/*.yaml")), key=lambda path: path.name)
    return [_exhibit(path) for path in definitions if path.parent.name != "truth"]


def exhibit(name: str) -> Exhibit:
    """The one with this name. Raises LookupError with the known names."""
    for one in exhibits():
        if one.name == name:
            return one
    raise LookupError(f"the gallery has no {name!r}; it has {', '.join(one.name for one in exhibits())}")


def _exhibit(definition: Path) -> Exhibit:
    truth = _HERE / "truth" / definition.name
    counts = definition.with_name("daily_counts.csv")
    return Exhibit(
        definition.stem,
        definition,
        truth if truth.exists() else None,
        counts if counts.exists() else None,
    )
