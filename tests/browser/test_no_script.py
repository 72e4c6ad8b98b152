"""Without JavaScript every page still teaches: words, formulas, a picture for each figure."""

import pytest
from test_site import PAGES, SITE, VIEW

ALL = sorted(path.name for path in SITE.glob("*.html"))
STACKED = """article => [...article.querySelectorAll("section, .cell_output")].flatMap((parent) => {
    const boxes = [...parent.children].map((node) => [node, node.getBoundingClientRect()])
        .filter(([node, box]) => box.height && node.checkVisibility());
    return boxes.slice(1).flatMap(([node, box], i) =>
        box.top < boxes[i][1].bottom - 1 ? [node.outerHTML.slice(0, 160)] : []);
})"""
EMPTY = """article => [...article.querySelectorAll("p, .cell, .live-mount, .math, pre")]
    .filter((node) => !node.closest("details") && !node.getBoundingClientRect().height)
    .map((node) => node.outerHTML.slice(0, 160))"""


@pytest.fixture(scope="module", params=[360, 1280])
def page(request, browser):
    """A page that runs no script, on a phone and on a desk."""
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": request.param, "height": 900}
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ALL)
def test_a_page_shows_its_words_and_no_dead_button(page, site, name):
    page.goto(f"{site}/{name}")
    assert page.locator("h1:visible").count() == 1
    assert page.locator("button:visible:not([popovertarget])").count() == 0
    addresses = "links => links.map((link) => link.getAttribute('href'))"
    reached = page.locator("nav a:visible").evaluate_all(addresses)
    for opener in page.locator("button:visible").all():
        opener.click()  # a list opens without script
        opened = page.locator(f"#{opener.get_attribute('popovertarget')} a:visible")
        reached += opened.evaluate_all(addresses)
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert {*PAGES} - {name} <= {*reached}
    assert name not in PAGES or "#" in reached


@pytest.mark.parametrize("name", ["index.html", *PAGES])
def test_a_chapter_shows_formulas_and_pictures_and_nothing_lies_over_them(page, site, name):
    page.goto(f"{site}/{name}")
    article = page.locator("article")
    shown = article.locator("p:visible").all_text_contents()
    assert sum(len(text.split()) for text in shown) > 200
    assert article.evaluate(EMPTY) == []
    assert article.evaluate(STACKED) == []
    assert article.locator(".katex-html").count() == article.locator(".math").count()
    figures = article.locator(".live-mount figure:visible")
    assert figures.count() == (SITE / name).read_text("utf-8").count(VIEW)
    for figure in figures.all():
        image = figure.locator("img")
        assert image.evaluate("image => image.complete && image.naturalWidth") > 0
        assert len(image.get_attribute("alt")) > 10
        assert image.bounding_box()["width"] > 200
        assert len(figure.locator("figcaption:visible").text_content()) > 10


@pytest.mark.parametrize("name", PAGES)
def test_what_is_folded_opens(page, site, name):
    page.goto(f"{site}/{name}")
    folded = page.locator("article details:not(details details)").element_handles()
    assert folded
    for details in folded:
        inside = details.query_selector(":scope > :not(summary)")
        assert not inside.is_visible()
        details.query_selector("summary").focus()
        page.keyboard.press("Enter")
        assert inside.is_visible()
        page.keyboard.press("Space")
        assert not inside.is_visible()


def test_what_would_be_missing_is_found(page, site):
    page.goto(f"{site}/{PAGES[0]}")
    article = page.locator("article")
    restyle = "(node, style) => node.setAttribute('style', style)"
    article.locator("h2 + p").first.evaluate(restyle, "margin-top: -9em")
    article.locator("pre").first.evaluate(restyle, "display: none")
    assert article.evaluate(STACKED) != []
    assert article.evaluate(EMPTY) != []
