"""Views of lists: kept, shared by who may, and without what a reader may not see."""

import pytest

from engine.errors import InvalidValues, NotAllowed, NotFound
from engine.records import views
from engine.records.condition_text import conditions_of
from engine.records.filters import Filter
from engine.records.rights import find_rights
from engine.records.views import EVERYBODY, SavedView, ViewContent
from tests.records.desk import Desk, errors_of

RICH = ViewContent(
    (Filter("region", "eq", "east"),),
    conditions_of({"any": [["limit", "gte", "1"], {"all": [["name", "contains", "x"], ["limit", "missing"]]}]}),
    "-limit", ("name", "limit", "phone"), "北",
)  # fmt: skip


def keep(desk: Desk, login: str, name: str, content: ViewContent = RICH, audience: str | None = None) -> SavedView:
    with desk.store.write() as session:
        return views.create_view(session, "client", name, content, audience=audience, actor=desk.actor(login))


def names(desk: Desk, login: str) -> list[str]:
    with desk.store.read() as session:
        return [view.name for view in views.list_views(session, "client", actor=desk.actor(login))]


def test_a_view_comes_back_as_it_was_kept_and_nobody_else_sees_it(desk: Desk) -> None:
    kept = keep(desk, "chief", desk.name("大客户"))
    assert kept.content == RICH and kept.can_edit and not kept.is_default
    assert kept.name in names(desk, "chief")
    assert kept.name not in names(desk, "lead")
    with desk.store.read() as session, pytest.raises(NotFound):
        views.get_view(session, "client", kept.id, actor=desk.actor("lead"))


def test_only_who_may_share_does_and_others_cannot_change_it(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        keep(desk, "rep", desk.name("x"), ViewContent(), EVERYBODY)
    everybody, leads = (
        keep(desk, "chief", desk.name("都用"), audience=EVERYBODY),
        keep(desk, "chief", desk.name("组长用"), audience="lead"),
    )
    assert everybody.name in names(desk, "rep") and leads.name not in names(desk, "rep")
    assert leads.name in names(desk, "lead")
    for act in (
        lambda session, actor: views.delete_view(session, "client", everybody.id, actor=actor),
        lambda session, actor: views.update_view(
            session, "client", everybody.id, name="我的", content=ViewContent(), audience=None, actor=actor
        ),
    ):
        with desk.store.write() as session, pytest.raises(NotAllowed):
            act(session, desk.actor("rep"))
    assert errors_of(lambda: keep(desk, "chief", desk.name("y"), ViewContent(), "nix")).keys() == {"audience"}


def test_a_shared_view_shows_nobody_a_field_they_may_not_see(desk: Desk) -> None:
    kept = keep(desk, "chief", desk.name("额度"), audience=EVERYBODY)
    with desk.store.read() as session:
        entity = session.app.entities["client"]
        content, left_out = views.fitted(entity, find_rights(session.app, entity, desk.actor("rep")), kept.content)
    assert left_out == 4
    assert content == ViewContent(
        (Filter("region", "eq", "east"),), conditions_of({"any": [{"all": [["name", "contains", "x"]]}]}), None,
        ("name", "phone"), "北",
    )  # fmt: skip


def test_what_cannot_be_listed_cannot_be_kept(desk: Desk) -> None:
    hidden = ViewContent(columns=("limit",))
    assert errors_of(lambda: keep(desk, "rep", desk.name("v"), hidden)).keys() == {"columns"}
    assert errors_of(lambda: keep(desk, "rep", desk.name("v"), ViewContent(sort="limit"))).keys() == {"limit"}
    assert errors_of(lambda: keep(desk, "rep", desk.name("v"), ViewContent((Filter("name", "ne", "x"),)))).keys() == {
        "filters"
    }
    assert errors_of(lambda: keep(desk, "rep", " " * 3)).keys() >= {"name"}
    assert errors_of(lambda: keep(desk, "rep", "x" * 61, ViewContent())).keys() == {"name"}
    assert errors_of(lambda: keep(desk, "chief", desk.name("v"), ViewContent(columns=("name",) * 21))).keys() == {
        "columns"
    }


def test_a_name_stands_once_for_each_owner(desk: Desk) -> None:
    name = desk.name("重名")
    keep(desk, "chief", name, ViewContent())
    assert errors_of(lambda: keep(desk, "chief", name, ViewContent())).keys() == {"name"}
    keep(desk, "lead", name, ViewContent())


def test_one_begins_with_one_view_until_it_is_gone(desk: Desk) -> None:
    one, two = keep(desk, "chief", desk.name("一"), ViewContent()), keep(desk, "chief", desk.name("二"), ViewContent())
    for view in (one, two):
        with desk.store.write() as session:
            views.set_default_view(session, "client", view.id, actor=desk.actor("chief"))
    with desk.store.read() as session:
        chosen = [view.id for view in views.list_views(session, "client", actor=desk.actor("chief")) if view.is_default]
    assert chosen == [two.id]
    with desk.store.write() as session:
        views.delete_view(session, "client", two.id, actor=desk.actor("chief"))
    with desk.store.read() as session:
        assert not any(view.is_default for view in views.list_views(session, "client", actor=desk.actor("chief")))


def test_somebody_keeps_so_many_views_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST", 2)
    with pytest.raises(InvalidValues) as refused:
        for at in range(3):
            keep(desk, "guest", desk.name(f"v{at}"), ViewContent())
    assert [error.code for error in refused.value.errors] == ["record.many_views"]
