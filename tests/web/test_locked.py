"""A record that is locked while somebody edits it, or before: why, what to do about it, and nothing typed is lost."""

import re

import pytest

from tests.web.conftest import Browser, Desk
from tests.web.test_pages_bad_input import LINE, new_ticket, words


@pytest.fixture
def rep(desk: Desk) -> Browser:
    return desk.browser("rep1")


def submit(rep: Browser, url: str) -> None:
    assert rep.post(f"{url}/moves/ask", data={"_version": "1", "answer": "已修好"}).status_code == 303


def test_what_was_typed_stands_beside_what_is_stored_and_can_be_posted(rep: Browser) -> None:
    url = new_ticket(rep, **LINE)
    submit(rep, url)
    late = rep.post(f"{url}/edit", data={"_version": "1", "title": "水泵全坏了", "answer": "已修好"})
    page, said = late.get_data(as_text=True), words(late)
    assert late.status_code == 409
    assert "这条记录已不能修改" in said
    assert "审批中" in said
    assert "等Lead审批" in said
    assert "水泵全坏了" in said
    assert "按所选保存" not in said
    kept = re.search(r'<textarea[^>]*id="kept"[^>]*>\n(.*?)</textarea>', page, flags=re.DOTALL)
    assert kept is not None
    assert "标题：水泵全坏了" in kept[1]
    assert rep.post(f"{url}/comments", data={"text": kept[1]}).status_code == 303
    assert "水泵全坏了" in words(rep.get(url))


def test_the_form_of_a_locked_record_says_why_and_what_to_do(rep: Browser) -> None:
    url = new_ticket(rep)
    submit(rep, url)
    page = rep.get(f"{url}/edit")
    said = words(page)
    assert "处于“审批中”阶段，内容已锁定，不能修改。" in said
    assert "撤回" in said
    assert f'href="{url}"' in page.get_data(as_text=True)
    assert 'name="title"' not in page.get_data(as_text=True)
    assert "保存" not in words(page)


def test_posting_a_locked_value_with_the_present_version_loses_nothing_either(rep: Browser) -> None:
    url = new_ticket(rep)
    submit(rep, url)
    version = re.search(r'name="_version" value="(\d+)"', rep.get(url).get_data(as_text=True))
    late = rep.post(f"{url}/edit", data={"_version": version[1] if version else "2", "title": "别的"})
    assert late.status_code == 409
    assert "别的" in words(late)
