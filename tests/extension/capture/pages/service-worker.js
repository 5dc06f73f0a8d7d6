// Answers every request by asking the site, whatever the request said about caches.
addEventListener('install', () => self.skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => event.respondWith(fetch(event.request.url, { cache: 'reload' })));
