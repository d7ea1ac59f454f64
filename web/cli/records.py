"""``formwork records``: the commands about the records of a site.

Enters: nothing. Leaves: the group, with the commands of ``taking_out.py``,
``merging.py`` and ``pooling.py``. Must not do anything itself.
"""

import click

from web.cli.merging import merge_command, unmerge_command
from web.cli.pooling import assign_command, claim_command, keep_command, release_command
from web.cli.taking_out import export_journey, export_records


@click.group("records", help="cli.records")
def records_command() -> None:
    """Hold the commands about the records of a site."""


for _command in (
    export_records, export_journey, merge_command, unmerge_command, claim_command, release_command, assign_command,
    keep_command,
):  # fmt: skip
    records_command.add_command(_command)
