"""The page in a real Chromium: what an operator sees of three gateways with traffic, and of one that dies.

With NWIP_WEB_PICTURES=1 the pictures of docs/web are made, from what these tests look at.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from real.web_site import Site

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(240)]

AXE: Final = Path(__file__).parent.parent / "web" / "axe" / "axe.min.js"
PICTURES: Final = Path(__file__).parent.parent.parent / "docs" / "web"
PAGES: Final = (
    "/",
    "/nodes",
    "/services",
    "/routes",
    "/links",
    "/traffic",
    "/dss",
    "/alarms",
    "/search?q=a",
    "/no",
)
EAST_IS_GONE: Final = re.compile("node east (is|has) gone")
ALIVE: Final = "east, north, west self"
PATIENCE: Final = 30_000  # milliseconds, for what a domain needs to notice


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Site]":
    from real.web_site import site as running  # noqa: PLC0415 - playwright is there where Chromium is

    with running(tmp_path_factory.mktemp("web")) as found:
        yield found


def drawn(page: "Page", nodes: str) -> None:
    from playwright.sync_api import expect  # noqa: PLC0415 - as above

    expect(page.locator("#topology")).to_have_attribute("data-nodes", nodes, timeout=PATIENCE)


def shown(page: "Page", text: str) -> None:
    from playwright.sync_api import expect  # noqa: PLC0415 - as above

    expect(page.locator("#live")).to_contain_text(text, timeout=PATIENCE)


def picture(page: "Page", name: str) -> None:
    if os.environ.get("NWIP_WEB_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def findings(page: "Page") -> list[str]:
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document)")
    return [
        f"{page.url}: {each['id']}: {node['html']}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def test_three_gateways_are_in_the_picture_and_their_traffic_moves(site: "Site") -> None:
    with site.page() as page:
        drawn(page, ALIVE)
        shown(page, "3 Nodes")
        page.wait_for_selector(".chart canvas")
        page.wait_for_selector("css=.key .in b:text-matches('^[1-9]')", timeout=PATIENCE)
        page.wait_for_timeout(12_000 if os.environ.get("NWIP_WEB_PICTURES") else 0)
        picture(page, "overview-light")
        assert page.locator("#topology canvas").first.evaluate("it => it.width * it.height > 0")
    with site.page(color_scheme="dark") as page:
        drawn(page, ALIVE)
        page.wait_for_selector("css=.key .in b:text-matches('^[1-9]')", timeout=PATIENCE)
        picture(page, "overview-dark")
    with site.page("/traffic") as page:
        page.wait_for_selector("css=.key .in b:text-matches('^[1-9]')", timeout=PATIENCE)
        picture(page, "traffic")
    assert site.console == []


def test_prometheus_finds_metrics_of_the_node(site: "Site") -> None:
    with site.page() as page:
        drawn(page, ALIVE)
        answer = page.request.get(page.url + "metrics")
        told = answer.text()
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# HELP nwip_node_info " in told
    assert "nwip_node_info{" in told
    assert "nwip_link_packets_total{" in told


def test_the_news_go_on_and_can_be_paused(site: "Site") -> None:
    with site.page("/links") as page:
        packets = page.locator("#t-links tbody tr", has_text="dosbox").locator("td").nth(7)
        before = packets.inner_text()
        page.wait_for_function(
            "([cell, before]) => cell.innerText !== before", arg=[packets.element_handle(), before]
        )
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.locator("#pause").press("Enter")
        assert page.locator("#pause").get_attribute("aria-pressed") == "true"
    assert site.console == []


def test_a_service_is_found_by_name_with_the_keyboard_alone(site: "Site") -> None:
    with site.page() as page:
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "q":
                break
        page.keyboard.type("archi")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=archi")
        for _ in range(15):  # SAP may take a moment to reach this node
            if page.locator("#t-services").count():
                break
            page.wait_for_timeout(1000)
        assert page.locator("#t-services tbody tr td").first.inner_text() == "ARCHIVE"
        assert page.locator("#t-services tbody tr td").nth(5).inner_text() == "west"
    assert site.console == []


def test_without_scripts_the_page_reads_the_same(site: "Site") -> None:
    with site.page(java_script_enabled=False) as page:
        assert page.locator("#topology").is_hidden()
        assert page.locator("#topology-still img").evaluate("it => it.complete && it.naturalWidth > 300")
        assert page.get_by_role("img", name=re.compile("Through this node")).first.is_visible()
        assert "3" in page.locator(".figures").inner_text()
        page.get_by_role("link", name="Nodes", exact=True).first.click()
        names = page.locator("#t-nodes tbody tr td:first-child").all_inner_texts()
        assert names == ["east", "north", "west"]
        page.get_by_role("link", name="east", exact=True).click()
        assert page.locator("h1").inner_text() == "east"
        page.get_by_label("Search").fill("ARCHIVE")
        page.get_by_role("button", name="Find").click()
        assert page.locator("#t-services tbody tr td").first.inner_text() == "ARCHIVE"
    assert site.console == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_on_any_page(site: "Site", scheme: str, width: int) -> None:
    found: list[str] = []
    with site.page(size=(width, 900), color_scheme=scheme, bypass_csp=True) as page:
        nodes = page.goto(site.url + "nodes") and page.locator("#t-nodes a").first.get_attribute("href")
        assert nodes
        for path in (*PAGES, nodes):
            page.goto(site.url.rstrip("/") + path)
            found += findings(page)
            across = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert across <= 0, f"{path} is wider than the screen"
    assert found == []
    unexpected = [said for said in site.console if "404" not in said]  # one of the pages is not there
    site.console.clear()
    assert unexpected == []


def test_a_node_that_is_killed_is_gone_from_the_picture_and_an_alarm_that_ages(site: "Site") -> None:
    with site.page() as page:
        drawn(page, ALIVE)
        site.gateways["east"].process.kill()
        drawn(page, "east gone, north, west self")
        age = page.locator(".alarms li", has_text=EAST_IS_GONE).locator(".age")
        first = age.inner_text()
        page.wait_for_function("([it, first]) => it.innerText !== first", arg=[age.element_handle(), first])
        assert re.match(r"for [\d.]+ s", first)
        assert re.match(r"\d+ alarms?", page.locator("#status").inner_text())
        page.wait_for_timeout(9_000 if os.environ.get("NWIP_WEB_PICTURES") else 0)
        picture(page, "node-gone")
    with site.page(size=(390, 844), color_scheme="dark") as page:
        drawn(page, "east gone, north, west self")
        picture(page, "telephone")
    with site.page("/alarms", bypass_csp=True) as page:
        assert page.locator("#t-alarms tbody tr", has_text=EAST_IS_GONE).count() == 1
        assert findings(page) == []
    with site.page(java_script_enabled=False) as page:
        assert page.locator(".alarms li", has_text=EAST_IS_GONE).count() == 1
    assert site.console == []


def test_when_the_node_ends_the_page_says_so_and_stays(site: "Site") -> None:
    with site.page("/nodes") as page:
        site.gateways["west"].process.kill()
        shown(page, "The node does not answer")
        assert "has not answered" in page.locator("#status").inner_text()
        assert page.locator("#t-nodes tbody tr").count() == 2
    assert json.dumps(site.console) == "[]"
