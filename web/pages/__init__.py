"""The pages people see: one module for each kind of page, all generated from the compiled app.

Must not decide rules: every page reads through queries and changes through commands.
"""

from flask import Blueprint, Flask

from web.pages import approvals, files, forms, home, lists, moves, pickers, previews, printing, records, searching


def register_pages(app: Flask) -> None:
    """Register every page with the application."""
    blueprint = Blueprint("pages", __name__)
    for module in (home, lists, records, forms, previews, moves, approvals, pickers, searching, printing, files):
        for rule, methods, view in module.ROUTES:
            name = f"{module.__name__.rpartition('.')[2]}_{view.__name__}"
            blueprint.add_url_rule(rule, name, view, methods=methods)
    app.register_blueprint(blueprint)
