"""Honest pages of the shapes that make a careless truth check cry forgery, each with one sentence that somebody then edits."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urlsplit

SENTENCE = "The council voted forty-one to eighteen for the new bridge last night."
FORGERY = "The council voted eighteen to forty-one against the bridge last night."
FORGE = """([sentence, forgery]) => {
  const visit = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) visit(node.shadowRoot);
      for (const child of node.childNodes) {
        if (child.nodeType === 3 && child.data.includes(sentence)) child.data = child.data.replace(sentence, forgery);
      }
    }
  };
  visit(document);
}"""
_MORE = "<p>Fishing boats stayed in the harbour because of the storm.</p><p>Two ferries ran late.</p>"
_STORY = json.dumps(
    {"posts": [{"text": SENTENCE, "likes": 1234567, "at": 1780000000}, {"text": "So where is the money?", "likes": 9}]}
)
SHAPES = {
    "plain": f"<h1>News</h1><p>{SENTENCE}</p>{_MORE}",
    "clock": f"""<p>{SENTENCE}</p>{_MORE}<p id="now"></p><p id="ago"></p><script>
        now.textContent = new Date().toLocaleString("en-GB", {{dateStyle: "full", timeStyle: "medium"}});
        let seconds = 0; setInterval(() => ago.textContent = `Updated ${{++seconds}} seconds ago`, 300);</script>""",
    "catalogue": f"""<p>{SENTENCE}</p>{_MORE}<p id="line"></p><script>
        const words = {{de: {{"count": "{{n}} Kommentare von Leserinnen und Lesern", "by": "von {{name}} am {{day}}"}}}};
        line.textContent = words.de.count.replace("{{n}}", new Intl.NumberFormat("de").format(18341)) + " · "
          + words.de.by.replace("{{name}}", "Mara").replace("{{day}}", new Date(1780000000000).toLocaleDateString("de"));
        </script>""",
    "shadow": f"""<news-item><template shadowrootmode="open"><h2>From the harbour</h2><p>{SENTENCE}</p><slot></slot></template>
        <b>Fishing boats stayed in the harbour.</b></news-item>{_MORE}""",
    "canvas": f"""<p>{SENTENCE}</p>{_MORE}<canvas id="board" width="400" height="80"></canvas><script>
        board.getContext("2d").fillText("Drawn words are pixels and no text of the page", 10, 20);</script>""",
    "fetched": """<div id="list"></div><script>fetch("/story.json").then((answer) => answer.json()).then(({posts}) => {
        list.innerHTML = posts.map((one) => `<p>${one.text}</p><p>${one.likes.toLocaleString("en")} likes</p>`).join("");
        });</script>""",
    "hydrated": f"""<div id="root"></div>
        <script id="state" type="application/json">{_STORY.replace("e", chr(92) + "u0065")}</script>
        <script>const {{posts}} = JSON.parse(state.textContent);
        root.innerHTML = posts.map((one) => `<p>${{one.text}}</p>`).join("");</script>{_MORE}""",
    "packed": f"""<div id="root"></div><p id="more"></p><script>
        root.textContent = JSON.parse(atob("{base64.b64encode(_STORY.encode()).decode()}")).posts[0].text;
        more.textContent = decodeURIComponent("{quote("Fährverkehr: die Brücke bleibt länger gesperrt, sagt das Amt")}");
        </script>{_MORE}""",
    "typeset": f"""<style>h2{{text-transform:uppercase}} li::marker{{content:"§ "}} .q::before{{content:"Quote: "}}</style>
        <h2>News from the harbour</h2>
        <p class="q">{SENTENCE.replace(" ", "&nbsp;", 2).replace("bridge", "<b>bri&shy;dge</b>")}</p><ul><li>Ferries</ul>
        <table><tr><td>Votes</td><td>41</td></tr></table><p>&ldquo;No comment&rdquo;,<br>said the mayor&hellip;</p>""",
    "drafted": f"""<p>{SENTENCE}</p>{_MORE}<div id="draft" contenteditable aria-label="your answer"></div>""",
}  # fmt: skip
# A page that the browser translated: nothing of its text is in any answer, and nobody forged it.
TRANSLATE = """() => {
  const words = "le conseil du port a dit que la route reste fermee pour les bateaux et les gens du quai".split(" ");
  const lines = Array.from({length: 14}, (_, at) => words.map((_word, place) => words[(at * 5 + place * 7) % words.length]));
  const said = lines.map((line) => `<p><font style="vertical-align: inherit;">${line.join(" ")}</font></p>`);
  document.body.innerHTML = said.join("");
}"""


class HonestSite:
    """`url`/<shape> for each of SHAPES. Use as a context manager."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "HonestSite":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = urlsplit(self.path).path.strip("/")
        page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title><body>{SHAPES.get(name, '')}"
        body, kind = (
            (_STORY.encode(), "application/json") if name == "story.json" else (page.encode(), "text/html; charset=utf-8")
        )
        self.send_response(200 if name in SHAPES or name == "story.json" else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""
