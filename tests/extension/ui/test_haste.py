"""A person who is faster than the extension: what they did holds, whatever the browser answers later, which is held back here."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chromium import Chromium, wait_for
from tests.extension.ui.pages import PUT_ITEMS, blank_tab, expect_drawn, expect_sealed, hold_tab, item, opened, put_run, show

pytestmark = pytest.mark.browser
#: Holds the answer to one call back: `await letGo()` gives it out, and comes back when whoever waited for it has gone on.
HOLD = """(() => {
  let holder = globalThis;
  const path = PATH.split(".");
  const name = path.pop();
  for (const part of path) holder = holder[part];
  const call = holder[name].bind(holder);
  const gate = Promise.withResolvers();
  holder[name] = async (...given) => {
    const answer = call(...given);
    await gate.promise;
    return answer;
  };
  globalThis.letGo = async () => {
    gate.resolve();
    await call(...(ARGUMENTS));
  };
})()"""
#: The next list of captures that is read waits for `letGo()` before it is shown.
HOLD_LIST = """() => {
  const getAll = IDBObjectStore.prototype.getAll;
  IDBObjectStore.prototype.getAll = function () {
    const request = getAll.call(this);
    IDBObjectStore.prototype.getAll = getAll;
    const held = {};
    request.onsuccess = () => {
      held.result = request.result;
      globalThis.letGo = () => held.onsuccess();
    };
    return held;
  };
}"""
LET_GO_AND_SEE = """() => new Promise((drawn) => {
  new MutationObserver(drawn).observe(document.getElementById("queue"), {childList: true});
  letGo();
})"""
#: Of the settings that are read one by one or in the form; the notice of the automatic captures reads others.
UNREADABLE = """const readable = globalThis.readable = chrome.storage.local.get.bind(chrome.storage.local);
chrome.storage.local.get = async (keys) => {
  if (["lastCase", "secondPass"].some((key) => [keys].flat().includes(key))) throw new Error("Corruption: bad block");
  return readable(keys);
};"""
#: Counts the pictures that were handed out to who waited for one: each goes on before anybody can ask for the number.
COUNT_PREVIEWS = """() => {
  const get = chrome.storage.session.get.bind(chrome.storage.session);
  globalThis.previewsRead = 0;
  chrome.storage.session.get = async (key) => {
    const found = await get(key);
    if (found["preview:r"]) previewsRead += 1;
    return found;
  };
}"""
READ_DRAFT = "async () => (await chrome.storage.session.get('form:r'))['form:r']"
READ_SECOND_PASS = "async () => (await chrome.storage.local.get('secondPass')).secondPass"
SAVED = """chrome.storage.local.set({
  auto: { isOn: true, patterns: "*.harbour.example", intervalMin: 5 }, refetchImages: true,
})"""
PREVIEW = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def held(page: Page, path: str, arguments: str) -> Page:
    """The page loaded anew, with the answers to `path` held back."""
    page.add_init_script(HOLD.replace("PATH", repr(path)).replace("ARGUMENTS", f"[{arguments}]"))
    page.reload()
    return page


def wait_until_held(page: Page) -> None:
    """Once the page has asked for what is held back."""
    wait_for(lambda: bool(page.evaluate("'letGo' in globalThis")), 60, lambda: "nothing was asked for")


def test_what_is_typed_and_opened_while_the_settings_are_read_stays(popup: Page) -> None:
    popup.evaluate("chrome.storage.local.set({lastCase: 'former case'})")
    held(popup, "chrome.storage.local.get", "'lastCase'")
    popup.fill("#case", "harbour")
    popup.click("#observe summary")
    popup.check("#second-pass")
    popup.evaluate("letGo()")
    expect_drawn(popup)
    assert popup.input_value("#case") == "harbour"
    assert popup.evaluate("document.getElementById('observe').open") is True
    assert popup.is_checked("#second-pass")


def test_a_form_that_nothing_listens_to_yet_is_not_sent_off(browser: Chromium, popup: Page) -> None:
    address = popup.url
    held(popup, "chrome.tabs.get", str(blank_tab(browser)))
    popup.fill("#case", "harbour")
    popup.focus("#case")
    popup.keyboard.press("Enter")
    expect(popup.locator("#capture")).to_be_disabled()
    popup.evaluate("letGo()")
    expect(popup.locator("#capture")).to_be_enabled()
    assert (popup.url, popup.input_value("#case")) == (address, "harbour")


def test_a_choice_that_nothing_listened_to_yet_is_the_one_that_is_made(browser: Chromium, popup: Page) -> None:
    """The box showed a second pass, and the capture had none."""
    held(popup, "chrome.tabs.get", str(blank_tab(browser)))
    popup.check("#second-pass")
    popup.evaluate("letGo()")
    expect_drawn(popup)
    wait_for(lambda: popup.evaluate(READ_SECOND_PASS) is True, 15, lambda: "what is shown is not what is done")


@pytest.mark.parametrize("page_name", ["queue.html", "popup.html?start=0"])
def test_an_older_list_is_not_drawn_over_a_newer_one(browser: Chromium, page_name: str) -> None:
    for page in opened(browser, page_name):
        show(page, item("1"), item("2"))
        page.evaluate(HOLD_LIST)
        tell = "() => new BroadcastChannel('holdstill-queue').postMessage({})"
        browser.worker().evaluate(tell)
        wait_until_held(page)
        browser.worker().evaluate(PUT_ITEMS, [item("1")])
        browser.worker().evaluate(tell)
        page.evaluate(LET_GO_AND_SEE)
        expect(page.locator("#queue > li")).to_have_count(1)


def test_a_click_while_the_capture_before_lets_go_of_the_tab_is_a_capture(browser: Chromium, popup: Page) -> None:
    popup.evaluate(PUT_ITEMS, [])
    tab_id = blank_tab(browser)
    put_run(popup, tab_id, phase="queued")
    hold_tab(popup, tab_id)
    popup.reload()
    hold_tab(popup, tab_id)
    popup.click("#capture")
    expect(popup.locator("#status")).not_to_have_text("Ready.")
    popup.evaluate("letGo()")
    expect_sealed(popup)


def test_a_discarded_capture_stays_discarded_while_its_form_is_open(browser: Chromium, popup: Page) -> None:
    tab_id = blank_tab(browser)
    hold_tab(popup, tab_id)
    put_run(popup, tab_id, phase="collecting")
    popup.click("#discard")
    expect(popup.locator("#status")).to_contain_text("Discarding")
    popup.fill("#note", "one word more")
    draft: dict[str, Any] = popup.evaluate(READ_DRAFT)
    assert (draft["note"], draft["discarded"]) == ("one word more", True)
    for other in opened(browser, f"popup.html?tabId={tab_id}&start=0"):  # closed and opened again
        expect(other.locator("#discard")).to_be_visible()
        other.fill("#note", "and another")
        assert other.evaluate(READ_DRAFT)["discarded"] is True


def test_an_area_can_be_marked_as_soon_as_there_is_a_picture_to_mark_it_on(browser: Chromium, popup: Page) -> None:
    tab_id = blank_tab(browser)
    hold_tab(popup, tab_id)
    put_run(popup, tab_id, phase="collecting")
    expect(popup.locator("#discard")).to_be_visible()
    popup.click("#masking summary")
    popup.click("#add-mask")
    popup.evaluate("(dataUrl) => chrome.storage.session.set({'preview:r': {dataUrl, width: 400, height: 300}})", PREVIEW)
    expect(popup.locator("#region-stage")).to_be_focused()
    popup.keyboard.press("Enter")
    expect(popup.locator("#masks li")).to_have_count(1)


def test_an_area_on_a_picture_that_can_never_be_made_is_said_and_not_waited_for(browser: Chromium, popup: Page) -> None:
    tab_id = blank_tab(browser)
    hold_tab(popup, tab_id)
    put_run(popup, tab_id, phase="collecting")
    expect(popup.locator("#discard")).to_be_visible()
    popup.click("#masking summary")
    popup.click("#add-mask")
    popup.evaluate("chrome.storage.session.set({'preview:r': null})")  # the worker could not make it
    expect(popup.locator("#no-preview")).to_be_visible()  # its words stand there unseen before
    expect(popup.locator("#no-preview")).to_have_text("There is no picture of this page to mark an area on.")
    popup.evaluate("(dataUrl) => chrome.storage.session.set({'preview:r': {dataUrl, width: 400, height: 300}})", PREVIEW)
    popup.click("#add-mask")
    expect(popup.locator("#region-stage")).to_be_focused()
    expect(popup.locator("#no-preview")).to_be_hidden()
    popup.keyboard.press("Escape")
    popup.evaluate("chrome.storage.session.remove('preview:r')")
    popup.evaluate("letGo()")  # the worker is gone, and will make none
    popup.click("#add-mask")
    expect(popup.locator("#no-preview")).to_be_visible()
    put_run(popup, tab_id, phase="collecting", runId="s")  # the next capture, whose picture is another
    expect(popup.locator("#no-preview")).to_be_hidden()


def test_nobody_saves_a_list_over_one_that_is_still_being_read(browser: Chromium) -> None:
    """Saved before the page had shown it, the list of sites was an empty one; shown later, what was typed was gone."""
    for page in opened(browser, "batch.html"):
        page.evaluate(SAVED)
        held(page, "chrome.storage.local.get", "'auto'")
        expect(page.locator("#auto-form :disabled")).to_have_count(4)
        expect(page.locator("#refetch")).to_be_disabled()
        page.evaluate("letGo()")
        expect(page.locator("#auto-form :enabled")).to_have_count(4)
        assert (page.input_value("#auto-patterns"), page.input_value("#auto-interval")) == ("*.harbour.example", "5")
        assert page.is_checked("#auto-on") and page.is_checked("#refetch")
        page.fill("#auto-patterns", "*.harbour.example\n*.ferry.example")
        page.click("#auto-save")
        expect(page.locator("#auto-status")).not_to_be_empty()
        stored: dict[str, Any] = page.evaluate("chrome.storage.local.get('auto')")
        assert stored["auto"]["patterns"] == "*.harbour.example\n*.ferry.example"


def test_a_place_that_waits_for_its_picture_does_not_undo_a_later_choice(browser: Chromium, popup: Page) -> None:
    tab_id = blank_tab(browser)
    hold_tab(popup, tab_id)
    put_run(popup, tab_id, phase="collecting")
    expect(popup.locator("#discard")).to_be_visible()
    popup.click("#observe summary")
    for kind in ("platform_ai_label", "poster_ai_disclosure"):
        popup.select_option(f"#state-{kind}", "absent")
        popup.select_option(f"#place-{kind}", "view")
    popup.select_option("#place-platform_ai_label", "selector")
    popup.evaluate(COUNT_PREVIEWS)
    popup.evaluate("(dataUrl) => chrome.storage.session.set({'preview:r': {dataUrl, width: 400, height: 300}})", PREVIEW)
    wait_for(lambda: popup.evaluate("previewsRead") == 2, 30, lambda: "not both choices have their picture")
    popup.fill("#note", "the last word")  # what either choice kept was kept before it
    wait_for(lambda: popup.evaluate(READ_DRAFT)["note"] == "the last word", 30, lambda: "the form is not kept")
    kept: list[dict[str, Any]] = popup.evaluate(READ_DRAFT)["labelObservations"]
    assert [one["kind"] for one in kept if "region" in one] == ["poster_ai_disclosure"]
    expect(popup.locator("#place-platform_ai_label")).to_have_value("selector")


def test_what_is_done_before_the_run_is_there_is_done_to_it(browser: Chromium, popup: Page) -> None:
    """The first moments after a click: the form is open, and the worker has still to begin."""
    tab_id = blank_tab(browser)
    hold_tab(popup, tab_id)
    popup.click("#capture")
    expect(popup.locator("#discard")).to_be_visible()
    popup.fill("#note", "first words")
    popup.click("#discard")
    put_run(popup, tab_id, phase="collecting")
    expect(popup.locator("#status")).to_contain_text("Discarding")
    draft: dict[str, Any] = popup.evaluate(READ_DRAFT)
    assert (draft["note"], draft["discarded"]) == ("first words", True)


def test_a_button_that_is_pressed_does_not_end_the_typing_before_it_is_let_go(browser: Chromium, popup: Page) -> None:
    """To leave a field ends the typing, and then the capture is sealed: too early for the Discard that the person is pressing."""
    tab_id = blank_tab(browser)
    hold_tab(popup, tab_id)
    put_run(popup, tab_id, phase="waiting")
    popup.fill("#note", "a word")
    popup.hover("#discard")
    popup.mouse.down()
    assert popup.evaluate(READ_DRAFT)["typingUntil"] > 0
    popup.mouse.up()
    expect(popup.locator("#status")).to_contain_text("Discarding")


def test_a_worker_that_ends_without_an_answer_leaves_the_button(popup: Page) -> None:
    popup.evaluate("() => { chrome.runtime.sendMessage = async () => { throw new Error('the message port closed'); }; }")
    popup.click("#capture")
    expect(popup.locator("#status")).to_contain_text("went wrong")
    expect(popup.locator("#capture")).to_be_enabled()


def test_a_capture_does_not_fail_for_settings_that_cannot_be_read(browser: Chromium, popup: Page) -> None:
    popup.evaluate(PUT_ITEMS, [])
    popup.add_init_script(UNREADABLE)
    popup.reload()
    worker = browser.worker()
    worker.evaluate(f"() => {{ {UNREADABLE} }}")
    popup.click("#capture")
    expect_sealed(popup)
    worker.evaluate("() => { chrome.storage.local.get = globalThis.readable; }")
