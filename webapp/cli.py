"""The command `yesladder`: one group, its commands one noun per file in `webapp/commands`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "demo": ("demo.demo", "See it work: a site with results, in one command."),
    "init": ("site.site_folder", "Make a new SITE, with one experiment in it that runs."),
    "new": ("site.site_folder", "Copy an experiment from the gallery into SITE."),
    "check": ("site.site_folder", "Find every mistake in the files of SITE."),
    "plan": ("planning.plan", "Say how many visitors and days an experiment needs."),
    "serve": ("site.serve_command", "Serve SITE over HTTP until interrupted."),
    "results": ("results.results", "Show the verdict and the numbers of an experiment."),
    "time-to-convert": ("results.time_to_convert", "Show how long visitors take to reach each step."),
    "why": ("results.why", "Explain why an experiment's numbers changed between two moments."),
    "visitor": ("results.visitor", "Tell all that is known of one visitor, and how it was judged."),
    "ledger": ("results.ledger", "Name visitors that were not counted, or counted with a mark, and why."),
    "simulate": ("planning.simulate", "Print what visitors with a known truth would do."),
    "calibrate": ("planning.calibrate", "Simulate how often an experiment's page is wrong, and how soon right."),
    "import": ("log.events", "Bring the events of a file into SITE's log."),
    "export": ("log.export", "Write SITE's events or counts for other tools."),
    "verify": ("log.events", "Recount SITE's results from its log of events."),
    "backup": ("log.backup", "Copy SITE, while it is served, into a new folder."),
    "forget": ("log.erasure", "Delete all that SITE knows of a visitor."),
    "expire": ("log.erasure", "Delete raw events that are older than `retention`."),
    "token": ("site.serve_command", "Make a token for SITE, list its tokens, or end one."),
    "schema": ("site.site_folder", "Print the JSON Schema of a config file, or of results."),
}
"""Name -> its module in `webapp.commands`, and what it does, in the order of a day's work."""


class Commands(click.Group):
    """Imports the module of a command when it is called, so that the list of all is there at once.

    What a person can mend ends in a sentence, not a traceback.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = vars(import_module(f"webapp.commands.{COMMANDS[cmd_name][0]}")).values()
        return next(one for one in found if isinstance(one, click.Command) and one.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, does) for name, (_, does) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            # Imported only now, so that `yesladder --help` need not wait for what the store and the catalog import.
            from experiments.definition.problem import SiteError
            from experiments.store.store import StoreError
            from webapp.server.serve import ServeRefused
            from webapp.services.tokens import TokensUnreadable

            if isinstance(error, SiteError | StoreError | ServeRefused | TokensUnreadable | OSError):
                raise click.ClickException(str(error)) from error
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="yesladder")
def main() -> None:
    """A/B tests on the small yeses that lead to the big one.

    A site is a folder: `yesladder init SITE` makes one, `yesladder serve SITE` serves it. To see what it is like
    before that, run `yesladder demo`.
    """
