"""`ai2`: the command line. What a command needs is imported when it runs, so that help comes at once."""

import typer

from ai2.cli import (
    auditing,
    batches,
    docs,
    erasing,
    evaluating,
    events,
    files,
    keys,
    models,
    people,
    proving,
    rates,
    server,
    tax,
)

app = typer.Typer(
    name="ai2",
    help="Bank files in, books you can trust out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("up")(server.up)
app.command("status")(server.status)
app.command("docs")(docs.docs)
app.command("import")(files.import_)
app.command("undo")(batches.undo)
app.command("replay")(batches.replay)
app.command("classify")(files.classify)
app.command("evaluate")(evaluating.evaluate)
app.command("user")(people.user)
app.command("api-key")(people.api_key)
app.command("second-factor-off")(people.second_factor_off)
app.command("prove")(proving.prove)
app.command("erase")(erasing.erase)
app.command("migrate")(server.migrate)
app.command("serve")(server.serve)
app.command("worker")(server.worker)
app.command("model-card")(models.card)
app.add_typer(models.app, name="models")
app.add_typer(rates.app, name="rates")
app.add_typer(tax.app, name="tax")
app.add_typer(events.app, name="events")
app.add_typer(keys.app, name="keys")
app.add_typer(auditing.app, name="audit")
