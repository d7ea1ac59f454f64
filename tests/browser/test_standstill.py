"""The pages of what stands still, of handing over, of deputies and of groups: accessible, fit for a phone, and used."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Visit, formwork, serve
from tests.browser.test_pages import RULES, verdict
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.conftest import to_folder

PATHS = ("/admin/stranded", "/admin/stranded/approval/{old}/move", "/admin/stranded/moves/quote_price",
         "/handover?from={leaver}&to={heir}", "/admin/groups", "/settings/delegations")  # fmt: skip
OTHERS = ("who: [{manager_of: starter}]", "who: [{manager_of: owner}]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on which somebody left without handing over, and whose approvals changed since."""
    home = tmp_path_factory.mktemp("standstill")
    files = dict(to_folder("manufacturing").files)
    files["app.yaml"] += "\ngroups:\n  board: {label: 价格委员会}\n  nobody: {label: 空组}\n"
    folder = home / "crm"
    for name, text in files.items():
        if "/examples/" in name:  # played before publishing; tests of examples play them
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with serve(str(folder), home) as served:
        formwork(home, "user", "disable", "manager_li", "--keep")
        formwork(home, "user", "groups", "director_chen", "board")
        formwork(home, "user", "responsible", "rep_wang", "region", "华东", "华北")
        approval = folder / "quote" / "approval.yaml"
        approval.write_text(approval.read_text(encoding="utf-8").replace(*OTHERS), encoding="utf-8")
        formwork(home, "publish", str(folder), "--yes")
        yield served


def addresses(visit: Visit) -> list[str]:
    """The pages, with somebody who holds something and an approval of the earlier release in them."""
    visitor = visit("admin", DESK)
    visitor.open("/admin/stranded")
    old = visitor.page.locator("a[href$='/move']").first.get_attribute("href").split("/")[-2]
    found = visitor.page.request.get("/pick-person?q=rep_").json()["items"]
    return [path.format(old=old, leaver=found[0]["value"], heir=found[1]["value"]) for path in PATHS]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_is_accessible_and_fits_the_screen(visit: Visit, width: int, theme: str) -> None:
    visitor = visit("admin", width, theme=theme)
    judged = {}
    for path in addresses(visit):
        visitor.open(path)
        judged[path] = verdict(visitor, *RULES[theme])
    assert {where: found for where, found in judged.items() if found} == {}


def test_english_readers_read_no_chinese_but_names(visit: Visit) -> None:
    paths = addresses(visit)
    visitor = visit("gm_xu", DESK)
    visitor.expect("403")
    assert visitor.open("/admin/stranded") == 403
    admin = visit("admin", DESK)
    try:
        _speak(admin, "en")
        for path in paths:
            admin.open(path)
            assert admin.text("h1").isascii(), admin.text("h1")
            assert all(label.isascii() for label in admin.page.locator("main .form-label").all_inner_texts())
    finally:
        _speak(admin, "zh")


def _speak(visitor: Visitor, language: str) -> None:
    visitor.open("/")
    visitor.page.locator(".topbar details.menu > summary").last.click()
    visitor.page.locator(f".topbar details.menu [name=lang][value={language}]").click()
    visitor.page.wait_for_load_state()


def test_what_stands_still_is_handed_over_moved_and_gone_from_the_list(visit: Visit) -> None:
    visitor = visit("admin", PHONE)
    visitor.open("/admin/stranded")
    task = visitor.page.locator("section.panel form[action*='/task/']").first
    address = task.get_attribute("action")
    box = task.locator("[role=combobox]")
    visitor.pick(f"[id='{box.get_attribute('id')}']", "manager_he", "何志强")
    task.locator("button.btn-primary").click()
    visitor.see(".toast-note", "已恢复")
    assert visitor.page.locator(f"form[action='{address}']").count() == 0
    waiting = visitor.page.locator("a[href$='/move']")
    left = waiting.count()
    assert left > 1 and visitor.page.locator("a[href='/admin/stranded/moves/quote_price']").is_visible()
    waiting.first.click()
    visitor.see("#many-result", "会发生什么：将迁移 1 件")
    visitor.expect("422")
    visitor.page.locator("[data-apply]").click()
    visitor.see(".field-error", "原因")
    visitor.see("#many-result", "会发生什么：将迁移 1 件")
    visitor.page.fill("#in-reason", "新制度")
    visitor.page.locator("[data-apply]").click()
    visitor.see("#many-result", "已迁移 1 件")
    visitor.leave("a:has-text('回到停滞的事项')")
    expect(waiting).to_have_count(left - 1)


def test_approvals_are_moved_together_with_a_mapping_that_is_tried_first(visit: Visit) -> None:
    visitor = visit("admin", DESK)
    visitor.open("/admin/stranded")
    left = visitor.page.locator("a[href$='/move']").count()
    visitor.open("/admin/stranded/moves/quote_price")
    visitor.see("#many-result", f"将迁移 {left} 件")
    visitor.see("[data-told]", "要重新审批")
    step = visitor.page.locator("[name^='map.']").first
    step.select_option(label="现在的办理人不变")
    expect(visitor.page.locator("#many-result")).to_have_count(0)
    visitor.press("查看方案")
    visitor.see("#many-result", f"将迁移 {left} 件")
    visitor.see("[data-told]", "仍在")
    assert verdict(visitor, *RULES["light"]) == []
    visitor.page.fill("#in-reason", "新制度")
    visitor.page.locator("[data-apply]").click()
    visitor.see("#many-result", f"已迁移 {left} 件")
    assert verdict(visitor, *RULES["light"]) == []
    visitor.leave("a:has-text('回到停滞的事项')")
    expect(visitor.page.locator("a[href$='/move']")).to_have_count(0)


def test_somebody_hands_over_sets_a_deputy_and_changes_groups(visit: Visit) -> None:
    visitor = visit("admin", DESK)
    visitor.open("/handover")
    visitor.pick("#in-from", "rep_zhao", "赵")
    visitor.pick("#in-to", "rep_lin", "林")
    visitor.press("查看会交接什么")
    visitor.see("h2", "→")
    visitor.page.fill("#in-reason", "调岗")
    visitor.press("交接")
    visitor.see(".toast-note", "已把")
    visitor.open("/admin/groups")
    visitor.pick("#group-nobody", "rep_lin", "林")
    visitor.page.locator("form[action$='/of/nobody/add'] button.btn").click()
    visitor.see("section[aria-labelledby='head-nobody']", "林")
    rep = visit("rep_wang", PHONE)
    rep.open("/settings/delegations")
    rep.pick("#in-to", "rep_lin", "林")
    rep.page.fill("#in-start", "2099-03-02")
    rep.page.fill("#in-until", "2099-03-06")
    rep.press("设定")
    rep.see("section[aria-labelledby='mine']", "2099-03-02")
