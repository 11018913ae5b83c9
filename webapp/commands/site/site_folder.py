"""init, new, check, schema: making the files of a site, and finding what is wrong in them."""

import contextlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from experiments.definition.experiment import Experiment
from experiments.definition.problem import Fault, SiteError
from experiments.gallery.exhibit import Exhibit, exhibit
from experiments.planning.plan_check import doubt
from experiments.site.catalog import check as problems_of
from experiments.site.json_schema import experiment_schema, settings_schema
from experiments.site.site import Site
from experiments.store.store import StoreError
from webapp.commands.shared.console import echo_json
from webapp.commands.shared.opened_site import SITE, measured, opened_store, require_site
from webapp.wire.segment_writer import segment_line

_SETTINGS = """\
# The settings of this site. `yesladder check {folder}` says what is wrong in this folder, and where.

write_key: {write_key}    # pages and servers send events with this key; it may be seen, it only lets events in
allowed_origins: []       # origins of your pages that may call from a browser, such as https://www.example.com
currency: {currency}             # three letters; values of conversions are in it
time_zone: UTC            # for the dates on result pages, such as Europe/Paris
durability: full          # full: an event answered with 200 survives a power cut. normal: faster, survives a crash
"""

_IGNORED = """\
# The log of events and the secrets of this site are not for version control; its experiments are.
yesladder.db*
*.lock
tokens.json
*.jsonl
"""


@click.command()
@click.argument("site", type=click.Path(file_okay=False, path_type=Path))
def init(site: Path) -> None:
    """Make a new SITE, with one experiment in it that runs.

    SITE is a folder to be made, or one without a yesladder.yaml.
    """
    new_site(site, "EUR")
    path = add_exhibit(site, exhibit("multi-step-form"), running=True)
    click.echo(f"Made {site}/ with its settings in yesladder.yaml and one experiment in {path.relative_to(site)}.")
    click.echo(f"Next: yesladder serve {site}")
    click.echo(f"Its result pages ask for a token: yesladder token {site} --scope read")


@click.command()
@click.argument("exhibit_name", metavar="FROM-GALLERY")
@SITE
def new(exhibit_name: str, folder: Path) -> None:
    """Copy an experiment from the gallery into SITE.

    \b
    multi-step-form       one long contact form, or the same form in steps
    popup-contact-form    a link to a contact page, or the form as a pop-up
    free-trial-screener   a real, finished experiment, with its history to import
    """
    require_site(folder)
    try:
        one = exhibit(exhibit_name)
    except LookupError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="FROM-GALLERY") from None
    path = add_exhibit(folder, one)
    click.echo(f"Wrote {path}: {one.about}")
    if one.daily_counts:
        history = write_history(folder, one)
        click.echo(f"Wrote {history}: what happened then, as events.")
        click.echo(f"Next: yesladder import {folder} {history}")
    else:
        click.echo(f"Next: read it, fit it to your pages, set `status: running`; then: yesladder check {folder}")


@click.command()
@SITE
def check(folder: Path) -> None:
    """Find every mistake in the files of SITE, with its place and how to mend it.

    Where visitors were measured already, it also says when `detect` and `planned_visitors` do not go together.
    Ends with exit code 1 when there is an error; warnings alone are no error.
    """
    require_site(folder)
    problems = problems_of(folder, doubts=partial(_doubts, folder))
    for problem in problems:
        click.echo(str(problem))
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    if errors:
        raise click.ClickException(
            f"{errors} {'mistake' if errors == 1 else 'mistakes'} to mend"
            + (f", and {warnings} to think about" if warnings else "")
        )
    click.echo("All is well." if not warnings else f"Nothing is wrong; {warnings} to think about.", err=bool(warnings))


@click.command()
@click.option("--settings", is_flag=True, help="Of yesladder.yaml instead.")
@click.option("--results", is_flag=True, help="Of the document that `results --json` prints instead.")
def schema(settings: bool, results: bool) -> None:
    """Print the JSON Schema of an experiment's config file, for editors.

    In the first line of a config file, `# yaml-language-server: $schema=PATH` lets most editors complete and check it.
    """
    if results:
        from experiments.audit.readout import Readout

        echo_json(Readout.json_schema())
    else:
        echo_json(settings_schema() if settings else experiment_schema())


def _doubts(folder: Path, phases: Sequence[Experiment], experiments: Sequence[Experiment]) -> Mapping[str, Fault]:
    """Key -> what about its plan does not suit the measured rate; nothing for what cannot be known now."""
    doubts = {}
    with contextlib.suppress(SiteError, StoreError, OSError):  # what is wrong with the site is said anyway
        site, now = Site.open(folder), datetime.now(UTC)
        with opened_store(site, lambda: phases) as store:
            for experiment in experiments:
                known = measured(site, store, phases, experiment, now)
                goal = known.rates.get(experiment.macro.step) if known else None
                if goal and 0 < goal.rate < 1 and (fault := doubt(experiment, goal.rate)):
                    doubts[experiment.key] = fault
    return doubts


def new_site(site: Path, currency: str) -> None:
    """Make a folder with settings and no experiment. Raises a usage error rather than overwrite a site."""
    if (site / "yesladder.yaml").exists():
        raise click.UsageError(f"{site} is a site already: it has a yesladder.yaml. Nothing was changed.")
    (site / "experiments").mkdir(parents=True, exist_ok=True)
    ignore = site / ".gitignore"
    if not ignore.exists():
        ignore.write_text(_IGNORED, encoding="utf-8")
    settings = _SETTINGS.format(folder=site.name or ".", write_key=secrets.token_hex(16), currency=currency)
    (site / "yesladder.yaml").write_text(settings, encoding="utf-8")


def add_exhibit(site: Path, exhibit: Exhibit, running: bool = False, started_at: str | None = None) -> Path:
    """Copy a config file of the gallery into a site; answers where to.

    `running` starts the experiment, `started_at` (ISO 8601, UTC) says since when. Raises a usage error rather than
    overwrite one.
    """
    path = site / "experiments" / exhibit.definition.name
    if path.exists():
        raise click.UsageError(f"{path} exists already. Nothing was changed.")
    text = exhibit.definition.read_text(encoding="utf-8")
    if running:
        since = f"started_at: {started_at}\n" if started_at else ""
        text = re.sub("^status: draft", f"{since}status: running", text, count=1, flags=re.MULTILINE)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_history(site: Path, exhibit: Exhibit) -> Path:
    """Write what happened in a real experiment of the gallery as events that `import` reads; answers where to."""
    path = site / f"{exhibit.name}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(segment_line(event) + "\n" for event in exhibit.history())
    return path
