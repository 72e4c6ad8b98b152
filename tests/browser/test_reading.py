"""A page as it is read: it keeps the place, marks it, lands where it says, prints at once."""

import re
from pathlib import Path

import pytest
from operate import frame
from test_access import PAGES, WITH_FIGURES

CHAPTERS = [name for name in PAGES if name[:2].isdigit()]
COUNT = "document.querySelectorAll('figure[data-ready=true]').length"
PLACE = "scrollY"
TALL = "document.documentElement.scrollHeight"


def ready(page):
    """Wait until every figure answers and the page is as tall as it will be."""
    page.evaluate(
        f"""async () => {{
            while ({COUNT} < document.querySelectorAll('.live-mount').length) {{
                await new Promise(requestAnimationFrame);
            }}
            await document.fonts.ready;
            let [tall, same] = [0, 0]; // a figure that was painted settles once more
            while (same < 10) {{
                await new Promise(requestAnimationFrame);
                same = {TALL} === tall ? same + 1 : 0;
                tall = {TALL};
            }}
        }}"""
    )
    frame(page)


def text_at(page, y):
    """The block of words that stands at a height of the window, and how far down it begins."""
    return page.evaluate(
        """(y) => {
            const x = document.querySelector("article").getBoundingClientRect().left + 20;
            const words = "article :is(p, pre, li, h2, h3)";
            const node = document.elementFromPoint(x, y)?.closest(words);
            return node ? [node.textContent.slice(0, 80), node.getBoundingClientRect().top] : null;
        }""",
        y,
    )


@pytest.mark.parametrize("share", [0.5])
@pytest.mark.parametrize("name", CHAPTERS)
def test_back_and_forward_return_to_where_one_was(page, site, name, share):
    page.goto(f"{site}/{name}", wait_until="load")
    ready(page)
    page.evaluate(f"scrollTo(0, {share} * ({TALL} - innerHeight))")
    frame(page)
    marks = [mark for y in (150, 300, 450, 600) if (mark := text_at(page, y))]
    page.goto(f"{site}/glossary.html", wait_until="load")
    page.evaluate("scrollTo(0, 400)")
    frame(page)
    elsewhere = page.evaluate(PLACE)
    page.go_back(wait_until="load")
    ready(page)
    assert marks  # what a reader saw stands where it stood, whatever has grown above it
    for words, top in marks:
        found = page.evaluate(
            """(words) => [...document.querySelectorAll("article :is(p, pre, li, h2, h3)")]
                .filter((node) => node.textContent.slice(0, 80) === words)
                .map((node) => node.getBoundingClientRect().top)""",
            words,
        )
        assert min(abs(top - now) for now in found) <= 24, words
    page.go_forward(wait_until="load")
    frame(page)
    assert abs(page.evaluate(PLACE) - elsewhere) <= 24


@pytest.mark.parametrize("name", [*CHAPTERS, "glossary.html", "vjps.html"])
def test_every_anchor_of_the_contents_lands_on_its_heading(page, site, name):
    page.goto(f"{site}/{name}", wait_until="load")
    ready(page)
    padding = page.evaluate(
        "parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop)"
    )
    for link in page.locator("#contents a").all():
        target = link.get_attribute("href")
        page.evaluate("(hash) => { location.hash = hash; }", target)
        frame(page)
        top, most = page.evaluate(
            f"""(hash) => [document.querySelector(hash).getBoundingClientRect().top,
                {TALL} - innerHeight - scrollY]""",
            target,
        )
        at_the_end = most < 1 and top > padding
        assert abs(top - padding) <= 8 or at_the_end, target


@pytest.mark.parametrize("name", ["02_chain_the_rule.html", "09_reduce_with_care.html"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_contents_mark_a_section_that_is_on_screen(page, site, name, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/{name}", wait_until="load")
    ready(page)
    tall = page.evaluate(f"{TALL} - innerHeight")
    shares = [i / 99 for i in range(100)]
    seen = 0
    for share in [*shares, *reversed(shares)]:
        page.evaluate("(y) => scrollTo(0, y)", share * tall)
        frame(page)
        marked = page.evaluate(
            """() => [...document.querySelectorAll("#contents [aria-current]")].map((link) => {
                const box = document.querySelector(link.hash).getBoundingClientRect();
                return box.top < innerHeight && box.bottom > 0;
            })"""
        )
        assert marked in ([True], []), share
        seen += len(marked)
        assert marked or share < 0.05
    assert seen > 180


@pytest.mark.parametrize("name", WITH_FIGURES)
def test_a_page_printed_at_once_has_every_figure(page, site, name):
    page.add_init_script(f"addEventListener('afterprint', () => {{ window.printed = {COUNT}; }})")
    page.goto(f"{site}/{name}", wait_until="load")
    page.pdf()
    assert page.evaluate("printed") == page.locator(".live-mount").count() > 0


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_page_keeps_its_height_while_it_is_read(page, site, name, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/{name}", wait_until="load")
    page.evaluate("Promise.all([...document.fonts].map((face) => face.load())).then(() => {})")
    loaded = page.evaluate(TALL)
    ready(page)
    heights = [page.evaluate(TALL)]
    assert abs(loaded - heights[0]) <= 0.04 * heights[0]  # room was kept for each figure
    for y in range(0, heights[0], 600):
        page.evaluate("(y) => scrollTo(0, y)", y)
        frame(page)
        heights.append(page.evaluate(TALL))
    assert max(heights) <= 1.01 * min(heights), heights


def test_ctrl_k_leads_to_the_search_wherever_there_is_room(page, site):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{site}/01_nudge_a_weight.html", wait_until="load")
    page.locator("button.colours[aria-label^='Colours:']").wait_for()
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("cotangent")
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{site}/01_nudge_a_weight.html", wait_until="load")
    page.locator("button.colours[aria-label^='Colours:']").wait_for()
    page.keyboard.press("Control+k")
    page.wait_for_url(re.compile("search.html"))
    page.locator("form.here input:focus").wait_for()


def test_colours_are_the_devices_or_the_readers_and_are_kept(browser, site):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    ground = "getComputedStyle(document.body).backgroundColor"
    page.goto(f"{site}/index.html", wait_until="load")
    colours = page.locator("button.colours")
    shades = {}
    for name in ("as the device", "light", "dark"):
        page.locator(f"button.colours[aria-label='Colours: {name}']").wait_for()
        shades[name] = page.evaluate(ground)
        colours.click()
    assert shades["as the device"] == shades["dark"] != shades["light"]
    colours.click()
    page.goto(f"{site}/glossary.html", wait_until="load")
    page.locator("button.colours[aria-label='Colours: light']").wait_for()
    assert page.evaluate(ground) == shades["light"]
    context.close()


def test_a_list_that_lies_over_the_page_opens_by_key_and_goes_when_used(page, site):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{site}/01_nudge_a_weight.html", wait_until="load")
    page.locator("button.colours[aria-label^='Colours:']").wait_for()
    opener = page.get_by_role("button", name="On this page")
    contents = page.locator("#contents")
    opener.focus()
    page.keyboard.press("Enter")
    assert contents.is_visible()
    page.keyboard.press("Escape")
    assert not contents.is_visible()
    assert opener.evaluate("node => node === document.activeElement")
    opener.click()
    contents.locator("a").last.click()
    contents.wait_for(state="hidden")
    page.get_by_role("button", name="Chapters").click()
    page.locator("#chapters a", has_text="Chain the rule").click()
    page.wait_for_url(re.compile("02_chain"))


def test_a_link_into_a_fold_opens_it(page, site):
    name = "02_chain_the_rule.html"
    page.goto(f"{site}/{name}?highlight=nothing", wait_until="load")
    page.evaluate(
        """() => {
            const fold = document.querySelector("article details:not([open]) > :not(summary)");
            fold.id = "within";
            location.hash = "within";
        }"""
    )
    page.locator("details[open] > #within").wait_for()


def test_a_copy_leaves_out_what_is_printed(page, site):
    page.goto(f"{site}/01_nudge_a_weight.html", wait_until="load")
    page.locator(".copybtn").first.wait_for(state="attached")
    assert page.locator(".cell_input .copybtn").count() > 0
    assert page.locator(".cell_output .copybtn").count() == 0


def test_a_chapter_says_its_number_as_the_contents_do(page, site):
    for name in CHAPTERS:
        page.goto(f"{site}/{name}", wait_until="domcontentloaded")
        number = str(int(Path(name).name[:2]))
        assert page.locator(".opening").inner_text().startswith(f"Chapter {number} ·")
        current = page.locator("#chapters [aria-current=page]")
        assert current.locator(".number").inner_text() == number
        assert (
            page.locator("h1")
            .inner_text()
            .startswith(current.inner_text().removeprefix(number).strip())
        )
