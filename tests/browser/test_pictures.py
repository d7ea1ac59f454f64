"""A photograph from a phone is made smaller before it goes out, loses its place, and shows as a small picture."""

import io

from PIL import Image

from tests.browser.conftest import Site, Visit
from tests.browser.visitor import PHONE
from tests.storage.test_pictures import PLACE, photo


def test_a_large_photograph_goes_out_small_and_shows_at_once(visit: Visit, site: Site) -> None:
    sent = photo(size=(3000, 2000), noise=True)
    assert len(sent) > 4_000_000
    rep = visit("rep_wang", PHONE)
    rep.open("/e/activity/new")
    rep.page.locator("input[type=file]").first.set_input_files(
        {"name": "现场.jpg", "mimeType": "image/jpeg", "buffer": sent}
    )
    item = rep.page.locator(".upload .file").first
    item.locator("progress").wait_for(state="detached")
    assert item.locator("[data-note]").inner_text() == ""
    id_ = item.locator("input[type=hidden]").input_value()

    kept = rep.page.request.get(f"/files/{id_}").body()
    with Image.open(io.BytesIO(kept)) as picture:
        assert max(picture.size) == 1600 and picture.height > picture.width
        assert PLACE not in picture.getexif()
    small = rep.page.request.get(f"/files/{id_}/small")
    assert small.headers["content-type"] == "image/webp"
    assert len(small.body()) <= 20 * 1024


def test_a_picture_that_cannot_be_read_is_judged_by_the_server(visit: Visit) -> None:
    rep = visit("rep_wang", PHONE)
    rep.expect("422")
    rep.open("/e/activity/new")
    rep.page.locator("input[type=file]").first.set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"not a picture"}
    )
    rep.page.locator(".upload .file .field-error", has_text="a.jpg").first.wait_for()
