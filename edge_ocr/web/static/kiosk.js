// The last plate and what is done about it, large; comes back by itself when the server does.
"use strict";

const body = document.body;
const words = JSON.parse(body.dataset.words);
const signs = { open: "M5 13l5 5L19 7", refuse: "M6 6l12 12M18 6L6 18", note: "M12 4v9M12 18v.5", offline: "M12 4v9M12 18v.5" };
let language = body.dataset.language;
let state = "idle";
let beat = Date.now();
let after = body.dataset.after;
let source;
let timer;

function draw() {
  const said = words[language];
  body.className = `kiosk ${state}`;
  document.getElementById("said").textContent = said[state === "idle" ? "welcome" : state];
  document.querySelector("#sign path").setAttribute("d", signs[state] || "");
  for (const button of document.querySelectorAll("button[data-language]"))
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
}

function turn(next, plate = "", name = "") {
  state = next;
  document.getElementById("plate").textContent = plate;
  document.getElementById("name").textContent = name;
  clearTimeout(timer);
  if (next !== "idle" && next !== "offline") timer = setTimeout(() => turn("idle"), body.dataset.seconds * 1000);
  draw();
}

function mine(told) {
  return !body.dataset.camera || told.camera === body.dataset.camera;
}

// A plate that is kept as a keyed hash is nobody's to read.
const shown = (text) => (text.startsWith("hmac-") ? "" : text);

function open() {
  source?.close();
  source = new EventSource(`/api/events/stream?after=${after}`);
  const alive = () => { beat = Date.now(); if (state === "offline") turn("idle"); };
  source.onerror = () => { if (state !== "offline") turn("offline"); };
  source.addEventListener("over", () => source.close()); // logged out: the next look leads to the login
  source.addEventListener("beat", alive);
  source.addEventListener("glimpse", (message) => {
    alive();
    const told = JSON.parse(message.data);
    if (mine(told)) turn("reading", shown(told.text));
  });
  source.addEventListener("event", (message) => {
    alive();
    after = message.lastEventId;
    const told = JSON.parse(message.data);
    // What happened while the line was cut is history by now.
    const late = told.last.synced && Date.now() - Date.parse(told.last.wall) > body.dataset.seconds * 1000 && Date.now() > Date.parse(told.last.wall);
    if (mine(told) && !late) turn(told.decision?.action || "note", shown(told.text), told.decision?.name || "");
  });
}

async function look() {
  if (Date.now() - beat < 40000 && source?.readyState !== EventSource.CLOSED) return;
  turn("offline");
  try {
    const answer = await fetch("/api/me", { credentials: "same-origin", cache: "no-store" });
    if (answer.ok) { beat = Date.now(); open(); }
    else if (answer.status === 401) location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
  } catch { /* not yet: the next look tries again */ }
}

for (const button of document.querySelectorAll("button[data-language]"))
  button.addEventListener("click", () => { language = button.dataset.language; document.documentElement.lang = language; draw(); });
addEventListener("contextmenu", (event) => event.preventDefault());
// The page is kept for a screen that is switched on before the server; browsers do that over HTTPS or on this machine.
navigator.serviceWorker?.register("/sw.js").then(async () => {
  await caches.delete("kiosk");
  const files = [...document.querySelectorAll("link, script")].map((node) => node.href || node.src);
  await (await caches.open("kiosk")).addAll([location.href, ...files]);
}).catch(() => {});
navigator.wakeLock?.request("screen").catch(() => {});
draw();
open();
setInterval(look, 5000);
