"""The command `yesladder`: one group, its commands one noun per file in `webapp/commands`."""

from __future__ import annotations

from typing import Any

import click

from webapp.commands.demo.demo import demo
from webapp.commands.log.backup import backup
from webapp.commands.log.erasure import expire, forget
from webapp.commands.log.events import import_, verify
from webapp.commands.log.export import export
from webapp.commands.planning.calibrate import calibrate
from webapp.commands.planning.plan import plan
from webapp.commands.planning.simulate import simulate
from webapp.commands.results.ledger import ledger
from webapp.commands.results.results import results
from webapp.commands.results.time_to_convert import time_to_convert
from webapp.commands.results.visitor import visitor
from webapp.commands.results.why import why
from webapp.commands.site.serve_command import serve, token
from webapp.commands.site.site_folder import check, init, new, schema


class Commands(click.Group):
    """Lists its commands in the order of a day's work; what a person can mend ends in a sentence, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

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


for command in (
    demo,
    init,
    new,
    check,
    plan,
    serve,
    results,
    time_to_convert,
    why,
    visitor,
    ledger,
    simulate,
    calibrate,
    import_,
    export,
    verify,
    backup,
    forget,
    expire,
    token,
    schema,
):
    main.add_command(command)
