"""The explorer end to end, in a headless Chromium; skipped where there is none."""

from __future__ import annotations

import io
import os
import pickle
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from onnx_models import Model, dense

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
OWN = """
import otmaps

@otmaps.operation
def sharpen_seen(z1, z2, *, strength=0.3):
    return z1 + strength * (z1 - z2)
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explorer")
    (folder / "own.py").write_text(OWN)
    command = [sys.executable, "-m", "otmaps", "explore", "own.py", "--no-browser", "--port", "0"]
    environment = {**os.environ, "OTMAPS_STORE": str(folder / "store")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment
    ) as process:
        assert process.stdout is not None
        yield re.search(r"http://\S+", process.stdout.readline())[0]
        process.terminate()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield found
        found.close()


@pytest.fixture
def page(browser, address, request):
    """The page with its first answers; nothing may be wrong in the console at the end."""
    context = browser.new_context(viewport=getattr(request, "param", DESK))
    page = context.new_page()
    page.set_default_timeout(60_000)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    outside: list[str] = []
    page.on(
        "request", lambda r: None if r.url.startswith((address, "data:")) else outside.append(r.url)
    )
    page.goto(address)
    page.wait_for_selector("#panels img")
    page.wait_for_selector("#way img")
    yield page
    context.close()
    assert heard == []
    assert outside == []


def answers(page) -> int:
    return int(page.get_attribute("#panels", "data-answers"))


def answered(page, before: int) -> None:
    page.wait_for_selector(f"#panels:not([data-answers='{before}'])")


def sources(page, where="#panels img"):
    return page.eval_on_selector_all(where, "images => images.map((image) => image.src)")


def test_slider_moves_the_pictures_by_keyboard(page):
    before, count, strips = sources(page), answers(page), sources(page, "#way img")
    slider = page.get_by_label("t", exact=True)
    slider.focus()
    slider.press("ArrowRight")
    answered(page, count)
    page.wait_for_selector("text=lerp(t=0.51)")
    after = sources(page)
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert sources(page, "#way img") == strips, "a strip spans all values: it stays"
    assert page.get_by_label("t, as a number").input_value() == "0.51"


def test_every_control_is_reached_by_tab(page):
    wanted = set(
        page.eval_on_selector_all(
            "select, input, button, a[href], summary",
            "all => all.filter((e) => e.checkVisibility() && !(e.type === 'radio' && !e.checked))"
            ".map((e) => e.id || e.textContent || e.getAttribute('aria-label') || e.value)",
        )
    )
    reached = set()
    for _ in range(len(wanted) + 6):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "(() => { const e = document.activeElement;"
                "return e.id || e.textContent || e.getAttribute('aria-label') || e.value })()"
            )
        )
    assert wanted - {""} <= reached
    focused = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focused != "none"


def test_resample_operation_weights_and_layout(page):
    count, before = answers(page), sources(page)
    page.get_by_role("button", name="Resample").press("Enter")
    answered(page, count)
    assert sources(page) != before
    count = answers(page)
    page.get_by_label("Operation").select_option("barycenter")
    answered(page, count)
    page.wait_for_selector("#way.panels img")
    assert page.locator("#way figure").count() == 3
    count, before = answers(page), sources(page)
    page.get_by_label("latents", exact=True).select_option("4")
    page.get_by_label("w4, as a number").fill("1")
    page.wait_for_selector("text=barycenter(weights=(0.1667, 0.1667, 0.1667, 0.5))")
    assert sources(page) != before
    page.get_by_label("Operation").select_option("sharpen_seen")
    page.wait_for_selector("text=sharpen_seen(strength=0.3)")
    assert page.locator("#panels figcaption").all_inner_texts() == ["raw", "matched"]


def test_scores_come_and_are_those_of_matched_latents(page):
    page.wait_for_selector("#scores tbody tr.matched")
    assert page.locator("#scores tbody th").all_inner_texts() == [
        "fresh",
        "linear",
        "slerp",
        "matched",
    ]
    norms = [float(x) for x in page.locator("#scores tbody td:last-child").all_inner_texts()]
    assert norms[1] == pytest.approx(0.5, abs=0.02)
    assert norms[3] == pytest.approx(1.0, abs=0.02)


def test_downloads(page):
    with page.expect_download() as found:
        page.get_by_role("link", name="Latents (.npz)").click()
    with np.load(found.value.path(), allow_pickle=False) as data:
        assert data["matched"].shape == (2000, 100)
    assert found.value.suggested_filename == "otmaps-digits-lerp-latents.npz"
    with page.expect_download() as found:
        page.get_by_role("link", name="Results (.png)").click()
    assert found.value.path().read_bytes().startswith(b"\x89PNG")


def test_wrong_settings_are_told_and_mended(page):
    prior = page.get_by_role("combobox", name="Prior")
    prior.fill("normall")
    prior.press("Enter")
    page.wait_for_selector("#problem:has-text(\"did you mean 'normal'\")")
    count = answers(page)
    prior.fill("normal")
    prior.press("Enter")
    answered(page, count)
    assert page.locator("#problem").is_hidden()
    assert "was trained on" in page.locator("#notes").inner_text()
    count = answers(page)
    page.get_by_label("Operation").select_option("slerp")
    answered(page, count)
    assert "draws" in page.locator("#notes").inner_text()


def test_models_of_ones_own(page):
    model = Model("z", ("n", 12))
    data = dense(model, 12, 64).add("Sigmoid").reshape(-1, 1, 8, 8).build()
    page.get_by_text("Open a model of your own").click()
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("#own-answer:has-text('Choose an ONNX file first')")
    chooser = page.get_by_label("ONNX file")
    chooser.set_input_files({"name": "net.pt", "mimeType": "", "buffer": pickle.dumps([1])})
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("#own-answer:has-text('it is a pickle')")
    count = answers(page)
    chooser.set_input_files({"name": "net.onnx", "mimeType": "", "buffer": data})
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("#own-answer:has-text('Opened net: 12 components')")
    answered(page, count)
    assert page.get_by_label("Generator").input_value() == "net"


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_phone_shows_everything_in_its_width(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#charts").scroll_into_view_if_needed()
    assert page.get_by_label("t", exact=True).is_visible()
    picture = io.BytesIO(page.screenshot())
    assert picture.getbuffer().nbytes > 10_000
