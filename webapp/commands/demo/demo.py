"""demo: a garage-door repair service with two running experiments and one real one, to look at in a browser."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from experiments.site.catalog import Catalog
from webapp.commands.demo.history import TRUE_EFFECTS, build, built_at, is_demo
from webapp.commands.site.serve_command import next_free

_HOST = "127.0.0.1"
_SEED = 2  # an ordinary draw: what is measured lies close to what is true (seed 1 is an unlucky one, worth a look too)


@click.command()
@click.option(
    "--folder",
    default="demo-site",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demo's site is kept.",
)
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="The next free one if taken."
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes that answer.")
@click.option("--fresh", is_flag=True, help="Build it anew, so that its visitors end now.")
@click.option("--no-serve", is_flag=True, help="Build it only.")
@click.option("--no-traffic", is_flag=True, help="Let no more simulated visitors arrive while it is served.")
@click.option(
    "--seed", default=_SEED, show_default=True, type=click.IntRange(0), help="The same seed, the same visitors."
)
def demo(folder: Path, port: int, workers: int, fresh: bool, no_serve: bool, no_traffic: bool, seed: int) -> None:
    """Show a garage-door repair service with two experiments running, and a real one replayed.

    Three weeks of simulated visitors are made the first time, with true effects that are told, so that the result
    pages can be compared with what is so. While it is served, about one more arrives each second. The pages are open
    on this machine only, without a login.
    """
    folder = Path(folder)
    if folder.exists() and not is_demo(folder):
        raise click.ClickException(
            f"{folder} exists and is no demo, so it is left alone. Choose another: --folder NAME"
        )
    if fresh and folder.exists():
        shutil.rmtree(folder)
    if folder.exists():
        click.echo(f"The demo in {folder}/ was built {built_at(folder):%-d %b %Y, %H:%M} UTC; --fresh builds it anew.")
    else:
        began = time.monotonic()
        build(folder, datetime.now(UTC), seed)
        click.echo(f"Built {folder}/ in {time.monotonic() - began:.0f} seconds.")
    click.echo("\n" + (folder / TRUE_EFFECTS).read_text(encoding="utf-8"))
    if no_serve:
        click.echo(f"Next: yesladder demo --folder {folder}")
        return
    free = next_free(_HOST, port)
    if free is None:
        raise click.ClickException(f"port {port} and the hundred after it are taken; give another: --port NUMBER")
    if free != port:
        click.echo(f"Port {port} is taken by another program, so it is {free}.")
    base = f"http://{_HOST}:{free}"
    _tell_addresses(folder, base, with_traffic=not no_traffic)
    from webapp.commands.demo.traffic import arriving
    from webapp.server.serve import serve

    with arriving(folder, base, seed, visitors=not no_traffic):
        serve(folder, _HOST, free, workers, open_results=True, demo_site=True)


def _tell_addresses(folder: Path, base: str, with_traffic: bool) -> None:
    catalog = Catalog(folder, lambda: datetime.now(UTC))
    click.echo(f"Open  {base}/         the experiments and their results")
    click.echo(f"      {base}/demo/    the site they run on: be a visitor")
    click.echo(f"      {base}/live     events as they arrive")
    for key in catalog.experiments():
        click.echo(f"      {base}/results/{key}")
    click.echo("Ask for a variant as a page does:")
    click.echo(
        f'      curl -H \'Content-Type: application/json\' -d \'{{"context": {{"targetingKey": "you"}}}}\' \\\n'
        f"           {base}/ofrep/v1/evaluate/flags/contact-form"
    )
    if with_traffic:
        click.echo("About one simulated visitor a second arrives while this runs; --no-traffic leaves you alone.")
    click.echo("Ctrl-C ends it.")
