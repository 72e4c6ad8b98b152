"""The built site for every reader: keys reach everything, all is said, nothing is too faint."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from operate import READY, frame, wake

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
PAGES = sorted(path.name for path in SITE.glob("*.html"))
WITH_FIGURES = [name for name in PAGES if 'class="live-mount' in (SITE / name).read_text("utf-8")]
THEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
WINDOWS_OWN = 40  # the most controls that a browser's window may have

every_figure = pytest.mark.parametrize("name", WITH_FIGURES)


@contextmanager
def readers_page(browser, theme):
    """A page of a reader who wants no motion, with axe-core and the questions of access.js."""
    context = browser.new_context(color_scheme=theme, reduced_motion="reduce", bypass_csp=True)
    context.add_init_script(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
    context.add_init_script(path=Path(__file__).with_name("access.js"))
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def themes(browser):
    """One page for each theme, for all tests of this file."""
    with readers_page(browser, "light") as light, readers_page(browser, "dark") as dark:
        yield {"light": light, "dark": dark}


def visit(page, address):
    page.goto(address, wait_until="load")
    wake(page)
    page.evaluate("document.fonts.ready.then(() => {})")
    frame(page)
    return page


def widen(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    frame(page)
    frame(page)


def turn(page, theme):
    """Let the device's light go off or on; the page follows."""
    page.emulate_media(color_scheme=theme)
    frame(page)


def style(page, rules):
    """Add rules to the page's style, and let the figures answer."""
    page.add_style_tag(content=rules)
    frame(page)
    frame(page)


def axe(page, place="html", rules=RULES):
    """What axe finds: a rule, the selector of the element that breaks it, and how."""
    page.evaluate("scrollTo(0, 0)")  # nothing lies under the header
    return page.evaluate(
        """async ([place, options]) => {
            axe.configure({ noHtml: true }); // to write all that it looks at out costs a fifth more
            return (await axe.run(place, options)).violations.flatMap(({ id, nodes }) =>
                nodes.map(({ target, failureSummary: why }) => `${id}: ${target} ${why}`));
        }""",
        [place, {"runOnly": rules, "resultTypes": ["violations"]}],
    )


# Keys, and where the focus is


def walk_round(page, count):
    """The stops of Tab, from wherever the focus was, once round.

    A browser with a window has controls of its own between the page's last stop and its first:
    the page sees no key while they have the focus, and how many there are is the browser's.
    """
    for _ in range(count + 1):
        page.keyboard.press("Tab")
    for _ in range(WINDOWS_OWN):
        if len(page.evaluate("access.walk()")) >= count:
            break
        page.keyboard.press("Tab")
    return page.evaluate("access.walk()")


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_everything_in_order_and_shows_where_it_is(themes, site, name):
    page = visit(themes["light"], f"{site}/{name}")
    for theme, width in (("light", 1280), ("dark", 360)):
        turn(page, theme)
        widen(page, width)
        expected = page.evaluate("access.start()")
        reached = walk_round(page, len(expected))
        places = [stop["at"] for stop in reached]
        around = [*places[places.index(0) :], *places[: places.index(0)]]
        assert [expected[at] for at in around[: len(expected)]] == expected, theme
        assert [stop["name"] for stop in reached if not stop["marked"]] == [], theme
        assert [stop["name"] for stop in reached if not stop["seen"]] == [], theme
    turn(page, "light")


def test_a_focus_that_does_not_show_is_found(themes, site):
    page = visit(themes["light"], f"{site}/index.html")
    style(page, ":focus-visible { outline: none !important; box-shadow: none !important }")
    page.evaluate("access.start()")
    page.keyboard.press("Tab")
    assert not page.evaluate("access.stop()")["marked"]


@every_figure
def test_arrow_keys_move_in_a_grid_that_is_one_stop(themes, site, name):
    page = visit(themes["light"], f"{site}/{name}")
    focused = "cells => cells.findIndex((cell) => cell === document.activeElement)"
    for grid in page.locator(".live-entries:visible").all():
        cells = grid.locator("button")
        stop = grid.locator("button[tabindex='0']")
        assert stop.count() == 1
        stop.focus()
        page.keyboard.press("Home")
        columns = len(grid.evaluate("g => getComputedStyle(g).gridTemplateColumns").split())
        for key, step, room in (
            ("ArrowRight", 1, columns > 1),
            ("ArrowDown", columns, cells.count() > columns),
        ):
            before = cells.evaluate_all(focused)
            page.keyboard.press(key)
            frame(page)
            assert cells.evaluate_all(focused) == (before + step if room else before), key
            assert page.evaluate("document.activeElement.tabIndex") == 0


@every_figure
def test_a_figure_says_one_sentence_when_it_rests(browser, site, name):
    context = browser.new_context(bypass_csp=True)
    context.add_init_script(path=Path(__file__).with_name("access.js"))
    page = visit(context.new_page(), f"{site}/{name}")
    page.evaluate("access.listen()")
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    loud = "[aria-live=assertive], [role=alert], [role=status], output:not([aria-live=off])"
    for figure in page.locator(READY).all():
        assert figure.locator("[aria-live=polite]").count() == 1
        assert figure.locator(loud).count() == 0
        moved = figure.locator("input[type=range]:enabled:visible")
        typed = figure.locator("input[type=text]:visible")
        (moved if moved.count() else typed).first.focus()
        for key in ["ArrowRight"] * 6 if moved.count() else "31.416":
            page.keyboard.press(key)
            page.clock.run_for(100)
        if not moved.count():
            page.keyboard.press("Enter")
        assert figure.evaluate("figure => figure.said") == []
        page.clock.run_for(2000)
        (sentence,) = figure.evaluate("figure => figure.said")
        assert len(sentence.split()) > 3
    context.close()


def test_what_scrolls_sideways_fades_where_it_goes_on(page, site):
    page.goto(f"{site}/02_chain_the_rule.html")
    code = page.locator("main pre").first
    fade = "box => getComputedStyle(box).maskImage.split(',')[0]"
    widen(page, 1280)
    assert code.evaluate(fade) == "none"  # nothing is hidden
    widen(page, 360)
    assert code.evaluate(fade) == "linear-gradient(270deg"
    code.evaluate("box => box.scrollTo(box.scrollWidth, 0)")
    frame(page)
    assert code.evaluate(fade) == "linear-gradient(90deg"


def test_what_scrolls_sideways_is_reached_by_keys_and_says_what_it_is(page, site):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{site}/02_chain_the_rule.html")
    page.locator("main pre[role=group]").first.wait_for()
    boxes = page.locator("main :is(pre, div.math, .table-box)")
    unmarked = """boxes => boxes.filter((box) => box.checkVisibility())
        .filter((box) => box.scrollWidth > box.clientWidth
            ? box.tabIndex !== 0 || !box.ariaLabel : box.tabIndex === 0)"""
    assert boxes.evaluate_all(f"boxes => ({unmarked})(boxes).map((box) => box.outerHTML)") == []
    assert boxes.evaluate_all("boxes => boxes.some((box) => box.tabIndex === 0)")


# Colours


def test_a_chosen_entry_shows_where_colours_are_forced(themes, site):
    page, looks = themes["light"], []
    page.emulate_media(forced_colors="active")
    for name in WITH_FIGURES:
        looks += visit(page, f"{site}/{name}").evaluate("access.chosen()")
    page.emulate_media(forced_colors="none")
    chosen, others = ({look for was, look in looks if was is kind} for kind in (True, False))
    assert chosen
    assert others
    assert not chosen & others


def test_a_link_stands_out_on_paper_and_on_code_at_rest_and_pointed_at(themes, site):
    page = visit(themes["light"], f"{site}/02_chain_the_rule.html")
    link = page.locator("article a.internal:visible").first
    code = page.locator("article pre").first.element_handle()
    for theme in reversed(THEMES):
        turn(page, theme)
        shades = set()
        for point_at in (page.locator("h1"), link):
            point_at.hover()
            shades.add(link.evaluate("link => getComputedStyle(link).color"))
            for other in (code, link.element_handle()):
                assert link.evaluate("(link, other) => access.standsOut(link, other)", other) >= 4.5
        assert len(shades) == 2
