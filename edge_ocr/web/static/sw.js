// Keeps the kiosk's page, so that a screen that is switched on before the server shows "out of service" and not an error.
"use strict";

const KEPT = "kiosk";

addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET" || (path !== "/kiosk" && !path.startsWith("/static/"))) return;
  event.respondWith(
    fetch(request)
      .then((answer) => {
        if (answer.ok && !answer.redirected) {
          const copy = answer.clone();
          event.waitUntil(caches.open(KEPT).then((kept) => kept.put(request, copy)));
        }
        return answer;
      })
      .catch(() => caches.match(request, { ignoreSearch: path !== "/kiosk" }).then((kept) => kept || Response.error())),
  );
});
