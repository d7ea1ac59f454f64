"""What goes wrong on an ordinary day, and costs nobody what they typed.

A session that ends while somebody types, two people in one record, a second click, a connection that is gone.
"""

from tests.browser.conftest import Site, Visit
from tests.browser.visitor import Visitor


def test_a_session_that_ends_while_somebody_types_costs_nothing_typed(visit: Visit, site: Site) -> None:
    rep = visit("rep_zhao")
    rep.open("/e/customer/new")
    rep.fill("name", "被打断的客户有限公司")
    rep.tick("经销")
    rep.page.locator("details.fold summary", has_text="配套信息").click()
    rep.page.locator("#f-usual_models-field").get_by_role("button", name="添加一行").click()
    rep.fill_line("usual_models", 0, customer_part="ZD-77", product="G-1102 -> 金属缠绕垫")
    end_session(rep)

    rep.save()
    assert rep.path.startswith("/login")
    rep.page.fill("[name=username]", "rep_zhao")
    rep.page.fill("[name=password]", site.passwords["rep_zhao"])
    rep.page.locator("main .btn-primary").click()
    rep.see_value("#f-name", "被打断的客户有限公司")
    rep.see_value("input[name$='.customer_part']", "ZD-77")
    assert rep.page.locator("[id$='-product'][role=combobox]").first.input_value().startswith("G-1102")
    assert rep.page.get_by_label("经销", exact=True).is_checked()
    rep.open("/e/customer/new")
    assert rep.page.locator("#f-name").input_value() == ""


def test_the_next_person_at_the_same_browser_sees_nothing_of_it(visit: Visit, site: Site) -> None:
    rep = visit("rep_zhao")
    rep.open("/e/customer/new")
    rep.fill("name", "别人不该看到的客户")
    end_session(rep)
    rep.save()
    rep.page.fill("[name=username]", "rep_lin")
    rep.page.fill("[name=password]", site.passwords["rep_lin"])
    rep.page.locator("main .btn-primary").click()
    rep.page.locator("#f-name").wait_for(state="visible")
    rep.page.wait_for_timeout(300)
    assert rep.page.locator("#f-name").input_value() == ""


def test_two_people_in_one_record_choose_value_by_value(visit: Visit) -> None:
    rep, director = visit("rep_wang"), visit("director_chen")
    rep.expect("409")
    for one in (rep, director):
        one.open("/e/customer/1/edit")
        open_folds(one)
    director.fill("short_name", "苕溪总监版")
    director.fill("address", "宁波市海曙区新地址 9 号")
    director.save()
    rep.fill("short_name", "苕溪销售版")
    rep.fill("preferences", "只由销售写下的偏好")
    rep.save()

    rep.see("h1", "这条记录刚被别人修改过")
    asked = rep.page.locator(".conflict legend").all_inner_texts()
    assert asked == ["简称"]
    assert "宁波市海曙区新地址 9 号" in rep.text()
    assert rep.violations() == []
    rep.press("按所选保存")
    rep.see("h1", "苕溪")
    said = rep.text()
    assert "苕溪销售版" in said
    assert "宁波市海曙区新地址 9 号" in said
    assert "只由销售写下的偏好" in said


def test_a_second_click_on_approve_decides_once(visit: Visit) -> None:
    rep, manager = visit("rep_wang"), visit("manager_li", 390)
    rep.open("/e/customer/1/make/quote")
    rep.fill_line("items", 0, product="G-1101 -> 金属缠绕垫", qty="100", price="17")
    rep.save()
    rep.press("提交审批")
    rep.page.locator("#dialog .btn-primary").click()
    rep.see(".record-status", "等李建国审批")

    manager.open(rep.path)
    manager.press("去审批")
    manager.page.locator(".decide > .btn-primary").dblclick()
    manager.see("#toasts", "已同意")
    rep.open(rep.path)
    assert rep.text(".timeline").count("同意") == 1


def test_a_lost_connection_is_said_and_nothing_is_lost(visit: Visit) -> None:
    rep = visit("rep_wang")
    rep.expect("ERR_INTERNET_DISCONNECTED", "htmx:sendError")
    rep.open("/e/contract?stage=approved")
    rep.page.locator("[data-row-link]").first.click()
    rep.press("归档")
    rep.page.locator("#f-original_location").fill("档案室 2 号柜")
    rep.page.context.set_offline(True)
    rep.page.locator("#dialog .btn-primary").click()
    rep.see("#toasts", "网络不通")
    assert rep.page.locator("#f-original_location").input_value() == "档案室 2 号柜"
    rep.page.context.set_offline(False)


def open_folds(visitor: Visitor) -> None:
    for fold in visitor.page.locator("details.fold:not([open]) > summary").all():
        fold.click()


def end_session(visitor: Visitor) -> None:
    """As if the session had run out on the server: the cookie is still there and no longer good for anything."""
    for cookie in visitor.page.context.cookies():
        visitor.page.context.clear_cookies(name=cookie["name"])
