"""客户建档 → 报价审批 → 合同归档, walked by the people who do it: a rep, her manager on the phone, the director.

Once on a desk and once on a phone.
"""

import io

import pytest

from tests.browser.conftest import Visit
from tests.browser.visitor import DESK, PHONE, Visitor

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize("width", [DESK, PHONE], ids=["desk", "phone"])
def test_from_a_new_customer_to_an_archived_contract(visit: Visit, width: int) -> None:
    name = f"海曙{'重工' if width == DESK else '机械'}泵业有限公司"
    rep, manager = visit("rep_wang", width), visit("manager_li", PHONE)

    create_customer(rep, name)
    manager_confirms(manager, rep)
    quote = write_quote(rep, name)
    submit(rep)
    manager_approves(manager, quote)
    director_returns_it(visit("director_chen", width), quote)
    lower_the_discount(rep, quote)
    manager_approves(manager, quote)
    contract = hand_over(rep, quote, name)
    submit_again(rep)
    manager_approves(manager, contract, shows="合同金额")
    archive(rep, contract)
    find_it_again(rep, contract, name)


def create_customer(rep: Visitor, name: str) -> None:
    """A wrong check digit is told at its field, and nothing that was typed is lost."""
    rep.open("/e/customer")
    rep.press("新建客户")
    rep.expect("422")
    rep.fill("name", name)
    rep.tick("主机厂")
    rep.tick("B 级")
    rep.page.locator("#f-region").select_option(label="华东")
    rep.fill("credit_code", credit_code(name)[:-1] + "?")
    rep.page.locator("details.fold summary", has_text="配套信息").click()
    rep.fill("oem_code", "00417")
    rep.page.locator("#f-usual_models-field").get_by_role("button", name="添加一行").click()
    rep.fill_line("usual_models", 0, customer_part="HS-01", product="G-1101 -> 金属缠绕垫", yearly_qty="20000")
    rep.save()

    error = rep.page.locator("#f-credit_code-error")
    error.wait_for(state="visible")
    assert rep.page.locator("#f-name").input_value() == name
    assert rep.page.locator("#f-oem_code").input_value() == "00417"
    assert rep.page.locator("[id$='-product'][role=combobox]").first.input_value().startswith("G-1101")
    assert rep.page.get_by_label("B 级", exact=True).is_checked()

    rep.fill("credit_code", credit_code(name))
    rep.save()
    rep.see("h1", name)
    assert "00417" in rep.text()
    assert "HS-01" in rep.text()
    add_quality_contact(rep, name)


def manager_confirms(manager: Visitor, rep: Visitor) -> None:
    """A customer that came of no lead gets no quote before the manager confirms it as an existing one."""
    customer = rep.path
    rep.press("新建报价")
    rep.see("[data-error-summary]", "这家客户还没有来路")
    manager.open(f"{customer}/edit")
    manager.tick("存量客户")
    manager.save()
    manager.see("h1", "泵业有限公司")
    assert "存量客户" in manager.text()
    rep.open(customer)


def add_quality_contact(rep: Visitor, name: str) -> None:
    customer = rep.path
    rep.open(f"{customer}/make/contact")
    rep.fill("name", "顾晓岚")
    rep.save()
    rep.see("h1", "顾晓岚")
    rep.open(f"{customer}/edit")
    rep.pick("#f-quality_contact", "顾晓岚", "顾晓岚")
    rep.save()
    rep.see("h1", name)
    assert "顾晓岚" in rep.text()


def write_quote(rep: Visitor, name: str) -> str:
    """The list price comes along, totals follow while typing, and so does the path of the approval."""
    rep.press("新建报价")
    assert rep.page.locator("#f-customer").input_value() == name
    rep.page.locator("#f-payment_term").select_option(label="款到发货")
    rep.fill("prepay", "100")
    rep.fill_line("items", 0, product="G-1101 -> 金属缠绕垫", qty="10000")
    price = rep.page.locator("input[name$='.price']").first
    rep.see_value("input[name$='.price']", "18.4")
    rep.see("#form-path", "免审")

    price.fill("16.90")
    rep.see("#f-total", "¥169,000.00")
    assert "壹拾陆万玖仟元整" in rep.text("#f-total-words")
    rep.see("#form-path", "李建国")
    assert "陈卫东" not in rep.text("#form-path")
    price.fill("16.20")
    rep.see("#form-path", "陈卫东")
    assert rep.scrolls_sideways() is False
    rep.save()
    rep.see(".stage", "草稿")
    assert "壹拾陆万贰仟元整" in rep.text()
    return rep.path


def submit(rep: Visitor) -> None:
    rep.press("提交审批")
    rep.see("#dialog", "李建国")
    assert "陈卫东" in rep.text("#dialog")
    rep.page.locator("#dialog .btn-primary").click()
    rep.see(".record-status", "等李建国审批")


def manager_approves(manager: Visitor, record: str, *, shows: str = "折扣") -> None:
    """From the queue it is two taps on a phone."""
    manager.open("/approvals")
    for address in [one.get_attribute("href") for one in manager.page.locator(".task a").all()]:
        manager.open(str(address))
        if manager.page.locator(f"h1 a[href$='{record}']").count():
            break
    assert manager.scrolls_sideways() is False
    assert shows in manager.text(".facts")
    manager.press("同意")
    manager.see("#toasts", "已同意")


def director_returns_it(director: Visitor, quote: str) -> None:
    """A return without a reason is refused and says so; with one, the rep will read it."""
    director.open(quote)
    director.expect("422")
    director.press("去审批")
    director.press("不同意…")
    director.page.get_by_role("button", name="退回修改").click()
    director.page.locator("#reason-error").wait_for(state="visible")
    director.page.fill("#reason", "单价太低，请不要低于16.9")
    director.page.get_by_role("button", name="退回修改").click()
    director.see("#toasts", "已退回")


def open_news(rep: Visitor, quote: str, said: str) -> None:
    """News arrives a moment after what it tells of."""
    rep.open(quote)
    number = rep.text("h1").split()[0]
    news = rep.page.locator(".link-row", has_text=number).filter(has_text=said)
    for _ in range(120):
        rep.open("/")
        if news.count():
            break
        rep.page.wait_for_timeout(250)
    news.first.click()


def lower_the_discount(rep: Visitor, quote: str) -> None:
    open_news(rep, quote, "被退回修改")
    rep.see(".approval", "陈卫东退回修改")
    assert "单价太低，请不要低于16.9" in rep.text()
    assert rep.path == quote
    assert watermark(rep, quote)
    rep.open(f"{quote}/edit")
    rep.page.locator("input[name$='.price']").first.fill("16.90")
    rep.see("#f-total", "¥169,000.00")
    rep.save()
    rep.see(".facts", "8.15%")
    submit_again(rep)


def submit_again(rep: Visitor) -> None:
    rep.press("提交审批")
    rep.see("#dialog", "李建国")
    assert "陈卫东" not in rep.text("#dialog")
    rep.page.locator("#dialog .btn-primary").click()
    rep.see(".record-status", "等李建国审批")


def hand_over(rep: Visitor, quote: str, name: str) -> str:
    """An approved quote prints without a watermark and becomes a contract without retyping."""
    rep.open(quote)
    rep.see(".stage", "已批准")
    assert not watermark(rep, quote)
    rep.press("转为合同")
    assert rep.page.locator("#f-customer").input_value() == name
    assert rep.page.locator("#f-amount").input_value() == "169000"
    assert rep.page.locator("input[name$='.qty']").first.input_value() == "10000"
    rep.save()
    rep.see("h1", name)
    return rep.path


def watermark(rep: Visitor, quote: str) -> bool:
    """Whether the quote prints as not approved, on the page and in the PDF alike."""
    page = rep.page.request.get(f"{quote}/print/quote").text()
    answer = rep.page.request.get(f"{quote}/print/quote.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    printed = "未批准" in pdf_text(answer.body())
    assert printed == ("未批准" in page)
    assert "壹拾陆万" in pdf_text(answer.body())
    return printed


def archive(rep: Visitor, contract: str) -> None:
    """What is missing is listed, and filled in right there, the scan included."""
    rep.open(contract)
    assert "归档前须上传双方签字的扫描件" in rep.text(".missing")
    rep.expect("422")
    rep.press("归档")
    dialog = rep.page.locator("#dialog")
    dialog.locator(".btn-primary").click()
    dialog.locator("#f-signed_scan-error").wait_for(state="visible")
    dialog.locator("[data-upload][data-ready]").first.wait_for()  # nobody is quicker than the script
    dialog.locator("input[type=file]").set_input_files(
        {"name": "合同扫描件.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    rep.page.locator("#dialog .file:not(:has(progress)) input[type=hidden]").wait_for(state="attached")
    dialog.locator("#f-sign_date").fill("2026-11-20")
    dialog.locator("#f-original_location").fill("财务部档案柜 A3-12")
    assert rep.scrolls_sideways() is False
    dialog.locator(".btn-primary").click()
    rep.see(".stage-bar .is-current", "已归档")
    assert "合同扫描件.pdf" in rep.text()
    assert "财务部档案柜 A3-12" in rep.text()


def find_it_again(rep: Visitor, contract: str, name: str) -> None:
    number = rep.text("h1").split()[0]
    for words in (number, name):
        rep.open(f"/search?q={words}")
        rep.page.locator(f"a[href='{contract}']").wait_for(state="visible")


def credit_code(name: str) -> str:
    """A code that passes, its own for each name (GB 32100-2015: weights 3^i mod 31)."""
    body = "91330203MA" + "".join(LETTERS[ord(letter) % 31] for letter in (name * 2)[:7])
    total = sum(LETTERS.index(letter) * pow(3, at, 31) for at, letter in enumerate(body))
    return body + LETTERS[(31 - total % 31) % 31]


def pdf_text(content: bytes) -> str:
    from pypdf import PdfReader

    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
