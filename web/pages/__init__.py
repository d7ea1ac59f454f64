"""The pages people see: one module for each kind of page, all generated from the compiled app.

Must not decide rules: every page reads through queries and changes through commands.
"""

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint, Flask

PAGES = tuple(import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__))
"""Every module of this folder; one that only helps others has no ``ROUTES``."""


def register_pages(app: Flask) -> None:
    """Register every page with the application."""
    blueprint = Blueprint("pages", __name__)
    for module in PAGES:
        for rule, methods, view in getattr(module, "ROUTES", ()):
            name = f"{module.__name__.rpartition('.')[2]}_{view.__name__}"
            blueprint.add_url_rule(rule, name, view, methods=methods)
    app.register_blueprint(blueprint)
