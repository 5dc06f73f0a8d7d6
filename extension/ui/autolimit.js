import { MAX_PER_HOUR, readLimits } from "../auto/watch.js";
import { element, formatTime, make, text } from "./texts.js";

/** Says in `#auto-limit` which listed sites are at the limit of automatic captures, and what was not captured because of it; silent otherwise. */
export async function drawAutoLimit() {
  const limits = await readLimits({ local: chrome.storage.local, now: Date.now });
  const said = limits.flatMap(({ site, until, missed, lastAt }) => [
    ...(until === null ? [] : [text("acts_auto_limit", site, MAX_PER_HOUR, formatTime(until))]),
    ...(missed === 0 ? [] : [text("acts_auto_missed", site, MAX_PER_HOUR, missed, formatTime(lastAt))]),
  ]);
  const notice = element("auto-limit");
  notice.hidden = said.length === 0;
  if (notice.innerText !== said.join("\n")) notice.replaceChildren(...said.map((one) => make("p", "", one)));
}
