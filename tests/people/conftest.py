"""A store in which the roles rep, manager, director, finance and admin are known, on both databases."""

import pytest

from engine.storage.store import Store
from tests.conftest import MakeStore

APP = """
app: people
label: 人员
version: 1.0.0
language: zh
languages: [zh, en]
timezone: Asia/Shanghai
currency: CNY
roles:
  rep: {label: 销售员}
  manager: {label: 经理}
  director: {label: 总监}
  finance: {label: 财务}
menu: [note]
"""
NOTE = """
entity: note
label: 便签
display: "{text}"
fields:
  text: {type: text, label: 内容}
access:
  rep: {read: own, write: own, create: true}
"""


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store({"app.yaml": APP, "note/entity.yaml": NOTE})
