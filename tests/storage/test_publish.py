import pytest
def test_smoke(make_store):
    s=make_store("manufacturing")
    assert s.app.entities
