import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readPost } from "../../../extension/capture/platforms/readpost.js";

const fixture = (name) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), "utf8");
const body = (name) => ({ mime: "application/json", text: fixture(name) });
const claim = (post, kind) => post.claims.filter((entry) => entry.kind === kind);
const states = (post, kind) => claim(post, kind).map(({ state }) => state);
const count = (post, name) => post.counts.find((entry) => entry.name === name);
const AT = "2026-03-01T09:30:15";

const X = "https://x.com/harbourgazette/status/2028040106668986369?s=20";
const TIKTOK = "https://www.tiktok.com/@far.inventat/video/7612217134371556629?lang=ro";
const INSTAGRAM = "https://www.instagram.com/reel/DVVjuy8gS_R/?img_index=1";
const FACEBOOK = "https://www.facebook.com/portexample/posts/pfbid02ExampleExampleExampleExampleExample1";
const AD = "https://www.facebook.com/ads/library/?id=998877665544332";
const YOUTUBE = "https://www.youtube.com/watch?v=Ab-Cd_Ef123&t=3s";

test("X: the post of the address is read, not the advertisement beside it", () => {
  const post = readPost({ url: X, bodies: [body("x-tweet-detail.json")], capturedAt: "2026-03-01T10:00:00Z" });
  assert.deepEqual([post.platform, post.postId, post.accountId, post.accountHandle], ["x", "2028040106668986369", "1500000000000000777", "harbourgazette"]);
  assert.equal(post.postUrl, "https://x.com/harbourgazette/status/2028040106668986369");
  assert.match(post.text, /^The long text.*\nSecond line\.$/s);
  assert.deepEqual(post.postedAt.map(({ value, source }) => [value, source]), [[`${AT}.250Z`, "platform_id"], [`${AT}.000Z`, "embedded_json"]]);
  assert.deepEqual(count(post, "views"), { name: "views", low: 90211, high: 90211, exact: true, asWritten: "90211" });
  assert.deepEqual(post.media, [{ type: "image", url: "https://pbs.twimg.com/media/EXAMPLE1.jpg" }, { type: "video", url: "https://video.twimg.com/hi.mp4" }]);
  assert.deepEqual(states(post, "community_note"), ["present"]);
  assert.deepEqual(states(post, "paid_partnership"), ["absent"]);
  assert.deepEqual(states(post, "promoted"), ["not_checked"], "the promotion of the other post is not this one's");
  assert.deepEqual(post.problems, []);
});

test("X: promotion stands beside the post, an AI disclosure in it, and a note that is only proposed is not a shown one", () => {
  const text = fixture("x-promoted.json");
  const post = readPost({ url: X, bodies: [{ text }] });
  assert.deepEqual([states(post, "promoted"), states(post, "ai_label"), states(post, "community_note")], [["present"], ["present"], ["absent"]]);
  assert.equal(post.language, null, "zxx is no language");
  const proposed = readPost({ url: X, bodies: [{ text: text.replace('"has_birdwatch_notes":false', '"has_birdwatch_notes":true') }] });
  assert.deepEqual([states(proposed, "community_note_proposed"), states(proposed, "community_note")], [["present"], ["not_checked"]]);
});

test("X: with nothing stored the id still gives the time, and the handle of the address is not taken for checked", () => {
  const post = readPost({ url: X, html: `<article><a href="/harbourgazette/status/2028040106668986369"><time datetime="${AT}.000Z">1 Mar</time></a></article>` });
  assert.deepEqual(post.postedAt.map(({ source, precisionS }) => [source, precisionS]), [["platform_id", 0.001], ["displayed", 1]]);
  assert.match(post.problems.join(), /handle is from the address only/);
  assert.ok(post.claims.every(({ state }) => state === "not_checked"));
});

test("X: an address without a post names the account", () => {
  const post = readPost({ url: "https://x.com/HarbourGazette", bodies: [body("x-tweet-detail.json")] });
  assert.deepEqual([post.postId, post.accountId, post.accountName], [null, "1500000000000000777", "Harbour Gazette (invented)"]);
  assert.deepEqual(post.problems, ["the address names no post"]);
});

test("TikTok: each label field is a claim of its own, also where they contradict each other", () => {
  const post = readPost({ url: TIKTOK, jsonTexts: [{ id: "__UNIVERSAL_DATA_FOR_REHYDRATION__", type: "application/json", text: fixture("tiktok-rehydration.json") }] });
  assert.deepEqual(claim(post, "ai_label").map(({ platformField, state, value }) => [platformField, state, value]), [["aigcLabelType", "present", "2"], ["IsAigc", "absent", false]]);
  assert.match(claim(post, "ai_label")[0].where, /^jsonTexts\[0\]\(__UNIVERSAL_DATA_FOR_REHYDRATION__\)#\$\.__DEFAULT_SCOPE__\["webapp\.video-detail"\]\.itemInfo\.itemStruct\.aigcLabelType$/);
  assert.deepEqual([states(post, "promoted"), states(post, "paid_partnership")], [["absent"], ["not_checked"]]);
  assert.deepEqual([post.accountId, post.accountHandle, post.language], ["6800000000000000123", "far.inventat", "ro"]);
  assert.equal(post.postedAt[0].value, `${AT}.000Z`);
  assert.equal(count(post, "likes").low, 84600);
});

test("TikTok: fields that are not in the stored JSON are never absent labels", () => {
  const post = readPost({ url: TIKTOK, jsonTexts: [fixture("tiktok-no-label-fields.json")] });
  assert.equal(post.accountHandle, "far.inventat");
  assert.ok(post.claims.length >= 3);
  for (const entry of post.claims) assert.deepEqual([entry.state, entry.reason, entry.where], ["not_checked", "field not in the stored JSON", null]);
});

test("Instagram: a detection method NONE is a no, a null list is no answer, and the number id is not rounded", () => {
  const post = readPost({ url: INSTAGRAM, jsonTexts: [fixture("instagram-web-info.json")] });
  assert.equal(post.postId, "3843135004456595409");
  assert.deepEqual(claim(post, "ai_label").map(({ state, value }) => [state, value]), [["absent", "NONE"]]);
  assert.deepEqual(claim(post, "paid_partnership").map(({ platformField, state }) => [platformField, state]), [["is_paid_partnership", "absent"], ["sponsor_tags", "not_checked"]]);
  assert.deepEqual(post.media.map(({ type }) => type), ["image", "video"]);
  assert.deepEqual(post.postedAt.map(({ value }) => value), [`${AT}.250Z`, "2026-03-01T09:30:16.000Z"]);
});

test("Instagram: the older shape, with a disclosure and a paid partnership", () => {
  const post = readPost({ url: INSTAGRAM, bodies: [body("instagram-labelled.json")] });
  assert.deepEqual(claim(post, "ai_label").map(({ state, value }) => [state, value]), [["present", "SELF_DISCLOSURE_FLOW"]]);
  assert.deepEqual([states(post, "paid_partnership"), states(post, "promoted")], [["present"], ["absent"]]);
  assert.deepEqual([post.text, count(post, "likes").low], ["Sponsored evening.", 7]);
});

test("Facebook: neither the shared post nor the comments are taken for the post", () => {
  const post = readPost({ url: FACEBOOK, jsonTexts: [fixture("facebook-story.json")] });
  assert.deepEqual([post.postId, post.accountId, post.accountHandle], ["1234567890123456789", "100000000000111", "portexample"]);
  assert.equal(post.text, "The harbour opens on Sunday.\nAll invented.");
  assert.deepEqual(post.postedAt, [{ value: `${AT}.000Z`, source: "embedded_json", precisionS: 1 }]);
  assert.deepEqual([count(post, "reactions").low, count(post, "comments").low], [1530, 64]);
  assert.deepEqual(count(post, "shares"), { name: "shares", low: 1150, high: 1250, exact: false, asWritten: "1,2 tys." });
  assert.deepEqual([states(post, "promoted"), states(post, "paid_partnership"), states(post, "ai_label")], [["not_checked"], ["absent"], ["not_checked"]]);
  assert.match(claim(post, "promoted")[0].reason, /null/);
});

test("Facebook: a sponsored story, found by number, through an anti-hijacking guard", () => {
  const post = readPost({ url: "https://m.facebook.com/story.php?story_fbid=1234567890123456789&id=100000000000111", bodies: [{ text: `for (;;);${fixture("facebook-sponsored.json")}` }] });
  assert.deepEqual([post.postId, states(post, "promoted")], ["1234567890123456789", ["present"]]);
});

test("Ad Library: payer, beneficiary and byline are claims; ranges stay ranges; the start day is not a post time to the second", () => {
  const post = readPost({ url: AD, jsonTexts: [fixture("adlibrary-search.json")], bodies: [body("adlibrary-details.json")] });
  assert.deepEqual([post.platform, post.postId, post.accountId], ["meta_ad_library", "998877665544332", "100000000000222"]);
  assert.deepEqual(["ad_payer", "ad_beneficiary", "ad_byline"].map((kind) => claim(post, kind)[0].value),
    ["Example Payer Ltd (invented)", "Example Beneficiary (invented)", "Example Ferry Committee (invented)"]);
  assert.deepEqual([states(post, "ad_disclaimer"), states(post, "ai_label"), states(post, "political_ad")], [["not_checked"], ["present"], ["present"]]);
  assert.deepEqual(["impressions", "spend", "reach"].map((name) => [count(post, name).low, count(post, name).high]), [[10000, 15000], [100, 199], [500000, 1000000]]);
  assert.equal(post.postedAt[0].precisionS, 86400);
  assert.match(post.postedAt[0].note, /not when a post was made/);
});

test("Ad Library: details of two ads that do not name theirs are given to none", () => {
  const post = readPost({ url: AD, jsonTexts: [fixture("adlibrary-search.json")], bodies: [body("adlibrary-details.json"), { text: fixture("adlibrary-details.json").replace("Payer Ltd", "Other Ltd") }] });
  assert.deepEqual(states(post, "ad_payer"), ["not_checked"]);
  assert.match(post.problems.join(), /none was chosen/);
});

test("YouTube: the synthetic-content disclosure is known by its help page, in any language; counts that are cut give ranges upwards", () => {
  const post = readPost({ url: YOUTUBE, html: fixture("youtube-watch.html"), language: "pl-PL" });
  assert.deepEqual([post.postId, post.accountId, post.accountHandle], ["Ab-Cd_Ef123", "UCinventedinventedinvent", "latarnia-wymyslona"]);
  assert.equal(post.text, 'Wymyślona latarnia\n\nOpis; "cytat" </b> i klamra }.');
  assert.equal(post.postedAt[0].value, `${AT}.000Z`);
  assert.deepEqual([states(post, "ai_label"), states(post, "paid_partnership")], [["present"], ["present"]]);
  assert.deepEqual([count(post, "followers").low, count(post, "followers").high, count(post, "views").exact], [1290000, 1299999, true]);
  assert.equal(post.language, null, "the language of the site is not the language of the video");
});

test("YouTube: automatic dubbing stands in the same section and is not an AI label of the video", () => {
  const post = readPost({ url: YOUTUBE, bodies: [body("youtube-dubbed.json")] });
  assert.deepEqual([states(post, "auto_dubbed"), states(post, "ai_label")], [["present"], ["not_checked"]]);
});

test("YouTube: data of the video that was there before is not used", () => {
  const post = readPost({ url: "https://www.youtube.com/watch?v=zzzzzzzzzzz", html: fixture("youtube-watch.html") });
  assert.deepEqual([post.postId, post.text, post.accountId, post.media], ["zzzzzzzzzzz", null, null, []]);
  assert.ok(post.claims.every(({ state }) => state === "not_checked"));
  assert.match(post.problems.join(), /not in the stored JSON/);
});

test("Telegram: one message of many, its own text and not the quoted one", () => {
  const post = readPost({ url: "https://t.me/s/VyhadanyiMayak/42", html: fixture("telegram-channel.html") });
  assert.deepEqual([post.postId, post.text, post.accountName], ["42", "Маяк & гавань\nдругий рядок посилання", "Вигаданий маяк"]);
  assert.deepEqual(post.postedAt, [{ value: `${AT}.000Z`, source: "displayed", precisionS: 1 }]);
  assert.deepEqual([count(post, "views").asWritten, count(post, "followers").low], ["1.2K", 12250]);
  assert.deepEqual(post.media, [{ type: "image", url: "https://cdn4.telesco.pe/file/photo.jpg" }]);
});

test("Telegram: a channel's page names no message and none is chosen", () => {
  const post = readPost({ url: "https://t.me/s/vyhadanyimayak", html: fixture("telegram-channel.html") });
  assert.deepEqual([post.postId, post.text, post.accountHandle, post.postedAt], [null, null, "vyhadanyimayak", []]);
});

test("VK: JSON and markup give the same post; only the JSON can say that it is no advertisement", () => {
  const fromJson = readPost({ url: "https://vk.com/wall-123456_456", bodies: [body("vk-wall.json")] });
  const fromMarkup = readPost({ url: "https://vk.com/mayak_vymysel?w=wall-123456_456", html: fixture("vk-post.html"), language: "ru" });
  for (const post of [fromJson, fromMarkup]) {
    assert.deepEqual([post.postId, post.accountId, post.accountName, post.postedAt[0].value], ["-123456_456", "-123456", "Маяк (вымышленный)", `${AT}.000Z`]);
  }
  assert.deepEqual([states(fromJson, "promoted"), states(fromMarkup, "promoted")], [["absent"], ["present"]]);
  assert.deepEqual([fromJson.postedAt[0].source, fromMarkup.postedAt[0].source], ["embedded_json", "displayed"]);
  const without = readPost({ url: "https://vk.com/wall-123456_456", html: fixture("vk-post.html").replace(/<div class="wall_marked.*?<\/div>/, "") });
  assert.deepEqual(states(without, "promoted"), ["not_checked"]);
});

test("Bluesky: the post of this author, not a reply with the same key; an empty list of labels is a no", () => {
  const post = readPost({ url: "https://bsky.app/profile/lighthouse.example/post/3mfygj4heaf2b", bodies: [body("bluesky-thread.json")] });
  assert.deepEqual([post.accountId, post.text, count(post, "likes").low], ["did:plc:inventedinventedinvented1", "The lamp is lit.", 4]);
  assert.deepEqual([states(post, "platform_label"), states(post, "self_label")], [["absent"], ["present"]]);
  assert.equal(post.postedAt[0].value, `${AT}.250123Z`);
  assert.match(post.postedAt[0].note, /author's program/);
});

test("LinkedIn: JSON-LD and the hidden data of the page", () => {
  const post = readPost({ url: "https://www.linkedin.com/posts/example-shipyard_launch-activity-7433805796212744191-abcd", html: fixture("linkedin-post.html") });
  assert.deepEqual([post.postId, post.accountHandle, post.accountName], ["7433805796212744191", "example-shipyard", "Example Shipyard (invented)"]);
  assert.deepEqual([post.text, count(post, "reactions").low, count(post, "shares").low], ["Our invented ship is launched.", 121, 2]);
  assert.deepEqual(post.postedAt.map(({ source }) => source), ["platform_id", "embedded_json"]);
});

test("any site: the article, not the video inside it, and its digital source type", () => {
  const post = readPost({ url: "https://journal.example/ville/phare?utm=1", html: fixture("article.html"), language: "fr" });
  assert.deepEqual([post.platform, post.accountName, post.text], ["web", "Une Rédactrice (inventée)", "Le phare inventé\n\nIl s’allume ce soir."]);
  assert.deepEqual(post.postedAt, [{ value: `${AT}.000Z`, source: "embedded_json", precisionS: 1 }]);
  assert.deepEqual(states(post, "ai_label"), ["present"]);
});

test("OpenGraph data that names another page is not used: the page changed without loading", () => {
  const metaTags = [{ name: "og:url", content: "https://journal.example/old" }, { name: "og:title", content: "Old title" }];
  const post = readPost({ url: "https://journal.example/new", metaTags });
  assert.equal(post.text, null);
  assert.match(post.problems.join(), /og:url names another page/);
});

test("a text from the preview data says that it may be shortened", () => {
  const post = readPost({ url: "https://journal.example/new", metaTags: [{ name: "og:title", content: "A title" }] });
  assert.equal(post.text, "A title");
  assert.match(post.problems.join(), /may be shortened/);
});

test("a host that only looks like a platform is any site", () => {
  for (const url of ["https://x.com.example/a/status/2028040106668986369", "https://notfacebook.com/a/posts/12345", "https://evil.example/?u=https://www.tiktok.com/@a/video/1"]) {
    assert.equal(readPost({ url }).platform, "web", url);
  }
});

test("a post time later than the capture, and times that disagree, are reported", () => {
  const early = readPost({ url: X, bodies: [body("x-tweet-detail.json")], capturedAt: "2026-02-01T00:00:00Z" });
  assert.match(early.problems.join(), /later than the capture/);
  const forged = readPost({ url: X, bodies: [{ text: fixture("x-tweet-detail.json").replace("Sun Mar 01 09:30:15", "Sun Mar 01 07:30:15") }] });
  assert.match(forged.problems.join(), /differ by up to 7200 s/);
});
