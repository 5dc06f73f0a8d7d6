// {{nonce}}
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (pathname === "/sw/made.json") event.respondWith(new Response(JSON.stringify({ made: "in the browser, ţ" }), { headers: { "Content-Type": "application/json" } }));
  if (pathname === "/sw/passed.json" || pathname === "/sw/picture.png") event.respondWith(fetch(event.request));
});
