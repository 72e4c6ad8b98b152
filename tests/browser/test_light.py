"""What a page costs, whom it asks, what it lets run, and where it works: any folder, any host."""

import re
from collections import Counter
from pathlib import Path

import pytest
from operate import READY, frame, wake
from serving import hosting

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
ORDER = [
    f"{name}.html"
    for name in re.findall(r"^(?:root:|\s*- file:) *(\S+)", (ROOT / "_toc.yml").read_text(), re.M)
]
LIVE = [name for name in ORDER if 'class="live-mount' in (SITE / name).read_text("utf-8")]
PAGES = sorted(path.name for path in SITE.glob("*.html"))
FIRST, NEXT = 137_000, 50_000  # bytes, heads and bodies, from a host that gzips text
POLICY = {  # the kinds of source that a page admits, and no other
    "default-src": ["'none'"],
    "style-src": ["'self'"],
    "style-src-attr": ["'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
}


def settle(page, address):
    """Open a page and wait until its figures answer and it asks for nothing more."""
    page.goto(address, wait_until="load")
    wake(page)
    page.evaluate(
        """async () => {
            const kinds = document.getElementById("live-figures")?.textContent ?? "{}";
            const came = (kind) => globalThis.liveFigures?.[kind];
            const colours = document.querySelector(".colours");
            const named = () => colours.ariaLabel.startsWith("Colours: ");
            while (!(Object.keys(JSON.parse(kinds)).every(came) && named())) {
                await new Promise(requestAnimationFrame);
            }
            await document.fonts.ready;
        }"""
    )


@pytest.fixture(scope="module")
def host():
    with hosting({"127.0.0.1": SITE}) as running:
        yield running


def cost(host):
    """The bytes sent since the last time. Each thing was there, and was sent once."""
    sent = list(host.sent)
    host.sent.clear()
    assert {answer.path for answer in sent if answer.status != 200} == set()
    assert [path for path, times in Counter(a.path for a in sent).items() if times > 1] == []
    return sum(answer.size for answer in sent)


@pytest.mark.parametrize("name", LIVE)
def test_a_page_is_light_and_the_next_is_lighter(browser, host, name):
    context, asked = browser.new_context(), []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    host.sent.clear()
    settle(page, f"{host.address()}/{name}")
    assert 10_000 < cost(host) <= FIRST
    settle(page, f"{host.address()}/{LIVE[(LIVE.index(name) + 1) % len(LIVE)]}")
    assert 1_000 < cost(host) <= NEXT
    assert [url for url in asked if not url.startswith((host.address(), "data:"))] == []
    context.close()


@pytest.mark.parametrize("name", sorted({*ORDER} - {*LIVE}))
def test_a_page_without_figures_is_light(page, host, name):
    host.sent.clear()
    settle(page, f"{host.address()}/{name}")
    assert 10_000 < cost(host) <= FIRST


def test_the_book_works_in_a_folder_of_a_host(page, tmp_path):
    (tmp_path / "some" / "where").mkdir(parents=True)
    (tmp_path / "some" / "where" / "book").symlink_to(SITE)
    with hosting({"127.0.0.1": tmp_path}) as host:
        for name in PAGES:
            settle(page, f"{host.address()}/some/where/book/{name}")
        page.goto(f"{host.address()}/some/where/book/search.html?q=cotangent")
        page.locator("#search-results li a").first.click()
        page.wait_for_url(re.compile("/some/where/book/(glossary|\\d\\d_)"))
        assert {a.path for a in host.sent if a.status != 200} == set()


@pytest.fixture
def folder_page(browser):
    """A page that may open this machine's files and nothing else."""
    context = browser.new_context(offline=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", LIVE)
def test_a_page_works_from_a_folder_without_any_server(folder_page, name):
    folder_page.goto((SITE / name).as_uri())
    wake(folder_page)
    figure = folder_page.locator(READY).first
    before = figure.inner_text()
    moved = figure.locator("input[type=range]:enabled:visible").first
    for key in ["ArrowRight"] * 3:
        moved.press(key)
    frame(folder_page)
    assert figure.inner_text() != before


def test_the_search_works_from_a_folder_and_says_what_it_lacks(folder_page, page, site):
    folder_page.goto(f"{(SITE / 'search.html').as_uri()}?q=cotangent")
    folder_page.locator("#search-results li a").first.wait_for()
    assert folder_page.get_by_text("opened from a folder").is_visible()
    folder_page.locator("#search-results li a").first.click()
    folder_page.wait_for_url(re.compile("/(glossary|\\d\\d_)"))
    page.goto(f"{site}/search.html?q=cotangent")
    page.locator("#search-results li a").first.wait_for()
    assert not page.get_by_text("opened from a folder").is_visible()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_admits_its_own_host_only_and_nothing_inline(name):
    html = (SITE / name).read_text()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    sources = {kind: rest for kind, *rest in map(str.split, policy.split("; "))}
    scripts = sources.pop("script-src")
    assert sources == POLICY
    assert scripts[0] == "'self'"
    assert all(re.fullmatch(r"'sha256-[\w+/]{43}='", source) for source in scripts[1:])
    assert html.index("Content-Security-Policy") < html.index("<script")
    tags = "".join(re.findall(r"<[a-z][^>]*>", re.sub(r"(?s)<script.*?</script>", "", html)))
    assert re.findall(r"\son[a-z]+=|javascript:", tags) == []


@pytest.mark.parametrize(
    ("kept", "runs"), [("Content-Security-Policy", False), ("x-policy", True)], ids=["kept", "lost"]
)
def test_what_is_not_the_books_does_not_run(browser, site, kept, runs):
    """A script within the page, and one of the book's own that evaluates a string."""
    context = browser.new_context()
    page = context.new_page()
    html = (SITE / "index.html").read_text().replace("Content-Security-Policy", kept)
    inline = "<script>window.inline = 1</script></body>"
    page.route(
        "**/index.html",
        lambda route: route.fulfill(body=html.replace("</body>", inline), content_type="text/html"),
    )
    page.route("**/live.js*", lambda route: route.fulfill(body="eval('window.evaluated = 1')"))
    page.goto(f"{site}/index.html", wait_until="load")
    assert page.evaluate("[window.inline === 1, window.evaluated === 1]") == [runs, runs]
    context.close()
