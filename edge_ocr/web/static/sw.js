// Hands out the kept page of the kiosk where the server does not answer: then it says "out of service", and no error.
"use strict";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET" || (path !== "/kiosk" && !path.startsWith("/static/"))) return;
  const kept = () => caches.match(request, { ignoreVary: true }).then((found) => found || Response.error());
  event.respondWith(fetch(request).catch(kept));
});
