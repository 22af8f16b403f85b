"""`stagescore data`: labels and films, before any model. The commands are in the modules beside this one."""

import typer

from stagescore.cli import data_labels, data_manifest, data_prepare, data_tables, films

app = typer.Typer(
    help="Check and import labels, look at films, print floors and ceilings.", no_args_is_help=True
)
app.command()(films.probe)
app.command()(films.frames)
app.command()(data_labels.check)
app.command("import")(data_labels.import_)
app.command()(data_manifest.floors)
app.command()(data_manifest.folds)
app.command()(data_manifest.stages)
app.command()(data_prepare.prepare)
app.command()(data_tables.prior)
app.command()(data_tables.difficulties)
app.command()(data_tables.population)
app.command()(data_tables.explain)
app.command()(data_manifest.exemplars)
app.command()(data_prepare.features)
