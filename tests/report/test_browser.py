"""The page in a headless Chromium, without a network: `make test-browser`; SHOTS=DIR keeps the screenshots."""

import os
from pathlib import Path

import pytest
from result_folders import ct_result, mri_results

from medrecon.report import write_report

pytestmark = pytest.mark.browser
SHOWN = "document.querySelector('#volume-2 .slice.current')"
LEFT, RIGHT, END = ("ArrowLeft", 37), ("ArrowRight", 39), ("End", 35)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Volume 1 is the CT, volume 2 `head1`, with five slices of growing noise."""
    folder = mri_results(tmp_path_factory.mktemp("browser") / "results")
    ct_result(folder, "abdomen")
    return write_report(folder, folder / "report.html").path.as_uri()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    from chromium import browser

    with browser(tmp_path_factory.mktemp("profile")) as page:
        page.offline()
        yield page


@pytest.fixture
def page(chromium, address):
    chromium.errors.clear()
    chromium.requests.clear()
    chromium.look(1280, 900, "light")
    chromium.open("about:blank")
    chromium.open(address + "#volume-2")
    yield chromium
    assert chromium.errors == []
    assert all(request.startswith(("file:", "data:", "about:")) for request in chromium.requests)


def place(page):
    return page.run(f"{SHOWN}.dataset.place")


def test_the_slider_moves_by_mouse_by_keys_and_by_its_buttons(page):
    slider = "document.querySelector('#volume-2 input[type=range]')"
    assert place(page) == "3 of 5"
    page.run(f"{slider}.focus()")
    seen = [place(page)]
    for key in (RIGHT, END, LEFT, LEFT):
        page.press(*key)
        seen.append(place(page))
        assert page.run("document.querySelectorAll('#volume-2 .slice:not([style])').length") == 5
        assert page.run(f"{slider}.getAttribute('aria-valuetext')") == seen[-1]
        assert page.run("document.querySelector('#volume-2 output').textContent") == seen[-1]
    assert seen == ["3 of 5", "4 of 5", "5 of 5", "4 of 5", "3 of 5"]
    box = page.run(
        f"(() => {{ const b = {slider}.getBoundingClientRect(); return [b.left + 9, b.top + b.height / 2] }})()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        page.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
    assert place(page) == "1 of 5"
    for word, expected in (("Worst slice", "5 of 5"), ("Best slice", "1 of 5")):
        page.run(f"[...document.querySelectorAll('#volume-2 button')].find(b => b.textContent == '{word}').click()")
        assert place(page) == expected
    visible = page.run(
        "[...document.querySelectorAll('#volume-2 .slice')].map(s => s.getBoundingClientRect().height > 0)"
    )
    assert visible == [True, False, False, False, False]
    assert page.run(f"[...{SHOWN}.querySelectorAll('img')].map(i => i.naturalWidth)") == [56] * 4
    told = "the slider went through {} by keys; the mouse brought 1 of 5, the buttons 5 of 5 and 1 of 5"
    print(told.format(", ".join(seen)))  # noqa: T201


def test_a_bar_and_a_link_lead_to_a_slice(page):
    page.run("document.querySelector('#volume-2 .profile rect[data-slice=\"3\"]').dispatchEvent(new Event('click'))")
    assert place(page) == "4 of 5"
    page.run("document.querySelector('#volume-3').open = false")
    page.run("document.querySelector('.extreme a[data-volume=\"volume-3\"]').click()")
    assert page.run("document.querySelector('#volume-3').open")
    assert page.run("document.querySelector('#volume-3 .slice.current').dataset.slice") == "3"
    assert page.run("document.activeElement.closest('.volume').id") == "volume-3"


def test_tables_sort_by_any_column_and_tell_so(page):
    names = "[...document.querySelector('table.sortable tbody').rows].map(r => r.cells[0].textContent)"
    button = "document.querySelectorAll('table.sortable thead button')[3]"
    for direction, expected in (("ascending", ["head2", "head1"]), ("descending", ["head1", "head2"])):
        page.run(f"{button}.click()")
        assert page.run(names) == expected
        assert page.run(f"{button}.closest('th').getAttribute('aria-sort')") == direction
    assert page.run("document.querySelectorAll('[aria-sort=ascending], [aria-sort=descending]').length") == 1


@pytest.mark.parametrize("width", [320, 400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_follows_the_system(page, width, scheme, tmp_path):
    page.look(width, 900, scheme)
    assert page.run("document.documentElement.scrollWidth") <= width
    paper, ink = page.run("['backgroundColor', 'color'].map(n => getComputedStyle(document.body)[n].match(/\\d+/g)[0])")
    assert (int(paper) > int(ink)) == (scheme == "light")
    page.run("document.querySelector('#volume-2').scrollIntoView()")
    folder = Path(os.environ.get("SHOTS") or tmp_path)
    folder.mkdir(exist_ok=True)
    shot = page.screenshot(folder / f"report-{scheme}-{width}.png")
    assert shot.stat().st_size > 5000
    print("screenshot", shot)  # noqa: T201


def test_without_scripts_every_slice_is_shown(page, address):
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open("about:blank")
        page.open(address)
        page.errors.clear()
        document = page.send("DOM.getDocument")["root"]["nodeId"]
        found = page.send("DOM.querySelectorAll", nodeId=document, selector="#volume-2 .slice")["nodeIds"]
        assert len(found) == 5
        page.send("Page.getLayoutMetrics")
        page.run("document.querySelector('#volume-2').open = true")
        for node in found:
            assert page.send("DOM.getBoxModel", nodeId=node)["model"]["height"] > 100
    finally:
        page.send("Emulation.setScriptExecutionDisabled", value=False)
