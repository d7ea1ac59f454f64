"""The floor over HTTP: JSON in, JSON out, one connection and one transaction per request.

python -m bench.floor.app --database sqlite:///floor.sqlite3 --port 8800
"""

import argparse
from collections.abc import Callable
from datetime import date
from typing import Any

import waitress
from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider

from bench.floor.access import Actor, Refused, get_actor
from bench.floor.approvals import approve_task, read_inbox, submit_opportunity
from bench.floor.delivery import Courier
from bench.floor.pages import page_of_opportunities
from bench.floor.records import (
    create_customer,
    create_opportunity,
    move_opportunity,
    read_opportunity,
    update_opportunity,
)
from bench.floor.tables import Database

Answer = Any
Step = Callable[[Any, Actor], Answer]


class Json(DefaultJSONProvider):
    """Dates as ISO 8601, decimals as text."""

    sort_keys = False
    ensure_ascii = False
    default = staticmethod(lambda value: value.isoformat() if isinstance(value, date) else str(value))


def create_app(database_url: str) -> Flask:
    app = Flask(__name__)
    app.json = Json(app)
    app.config["MAX_CONTENT_LENGTH"] = 20_000_000
    database = Database(database_url)
    courier = Courier(database)
    database.bell = courier.ring
    app.extensions["courier"] = courier
    _add_records(app, database)
    _add_approvals(app, database)

    @app.get("/health")
    def health() -> Answer:
        return {"ok": True}

    @app.errorhandler(Refused)
    def refused(problem: Refused) -> Answer:
        answer = app.json.response(type=problem.code, status=problem.status, **problem.details)
        answer.status_code, answer.mimetype = problem.status, "application/problem+json"
        return answer

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _add_records(app: Flask, database: Database) -> None:
    @app.post("/api/v1/customer")
    def new_customer() -> Answer:
        return _writing(database, lambda c, actor: create_customer(c, actor, _body())), 201

    @app.post("/api/v1/opportunity")
    def new_opportunity() -> Answer:
        return _writing(database, lambda c, actor: create_opportunity(c, actor, _body())), 201

    @app.get("/api/v1/opportunity")
    def opportunities() -> Answer:
        return _reading(database, lambda c, actor: page_of_opportunities(c, actor, request.args))

    @app.get("/api/v1/opportunity/<int(max=9007199254740991):row_id>")
    def one_opportunity(row_id: int) -> Answer:
        return _reading(database, lambda c, actor: read_opportunity(c, actor, row_id))

    @app.patch("/api/v1/opportunity/<int(max=9007199254740991):row_id>")
    def changed_opportunity(row_id: int) -> Answer:
        seen = _seen()
        if seen is None:
            raise Refused(428, "version_missing")
        return _writing(database, lambda c, actor: update_opportunity(c, actor, row_id, seen, _body()))


def _add_approvals(app: Flask, database: Database) -> None:
    @app.post("/api/v1/opportunity/<int(max=9007199254740991):row_id>/moves/<move>")
    def moved_opportunity(row_id: int, move: str) -> Answer:
        if move == "submit":
            return _writing(database, lambda c, actor: submit_opportunity(c, actor, row_id, _seen()))
        return _writing(database, lambda c, actor: move_opportunity(c, actor, row_id, move, _seen()))

    @app.get("/api/v1/tasks")
    def inbox() -> Answer:
        limit = request.args.get("limit", 50, type=int)
        return _reading(database, lambda c, actor: {"items": read_inbox(c, actor, max(1, min(limit, 200)))})

    @app.post("/api/v1/tasks/<int(max=9007199254740991):task>/approve")
    def approved_task(task: int) -> Answer:
        body = _body()
        note = body.get("note") if isinstance(body, dict) else None
        if note is not None and (not isinstance(note, str) or len(note) > 500 or "\0" in note):
            raise Refused(422, "invalid", errors={"note": "text"})
        return _writing(database, lambda c, actor: approve_task(c, actor, task, note))


def _reading(database: Database, step: Step) -> Answer:
    with database.reading() as connection:
        return step(connection, get_actor(connection, request.headers.get("Authorization", "")))


def _writing(database: Database, step: Step) -> Answer:
    with database.writing() as connection:
        answer = step(connection, get_actor(connection, request.headers.get("Authorization", "")))
    database.bell()
    return answer


def _body() -> Any:
    body = request.get_json(silent=True)
    if body is None:
        raise Refused(422, "invalid", errors={"": "json"})
    return body


def _seen() -> int | None:
    """The version the caller saw, from `If-Match: "3"`."""
    given = request.headers.get("If-Match")
    if given is None:
        return None
    given = given.strip().strip('"')
    if not given.isdecimal() or len(given) > 9:
        raise Refused(422, "invalid", errors={"If-Match": "version"})
    return int(given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    app = create_app(options.database)
    app.extensions["courier"].start()
    waitress.serve(app, host="127.0.0.1", port=options.port, threads=options.threads)


if __name__ == "__main__":
    main()
