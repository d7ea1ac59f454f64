"""Tours of the manufacturing template: coming to the end of one notes its lesson for whoever did, once."""

from collections.abc import Callable

import pytest

from engine.errors import NotFound
from engine.guiding import tours
from tests.templates.conftest import Site


def test_a_tour_notes_its_lesson_once(open_site: Callable[[str], Site]) -> None:
    site = open_site("manufacturing")
    store, rep, warehouse = (site.store, site.actor("rep_wang"), site.actor("warehouse_qin"))
    with store.write() as session:
        assert tours.finish_tour(session, "new_customer", actor=rep) is None, "no lesson is there yet"
    site.create("ops_wu", "lesson", title="三个字段", lesson_no="1", minutes="5", body="全称、类型、区域")
    with store.write() as session:
        noted = tours.finish_tour(session, "new_customer", actor=rep)
        assert noted is not None and noted.values["learner"] == rep.id
        assert tours.finish_tour(session, "new_customer", actor=rep) is None
        assert tours.read_states(session, actor=rep) == {"new_customer": "finished"}
        with pytest.raises(NotFound):
            tours.finish_tour(session, "new_customer", actor=warehouse)
