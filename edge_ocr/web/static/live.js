// New events at the top of the list, from the stream of the server; it goes on where it was when the line was cut.
"use strict";

const list = document.getElementById("events");
const link = document.getElementById("link");
const words = { open: "Opens", refuse: "Refused", note: "Noted" };
const MOST = 24;
let beat = Date.now();
let source;

function show(event) {
  if (list.querySelector(`[data-seq="${event.seq}"]`)) return;
  const card = document.getElementById("event-card").content.cloneNode(true).firstElementChild;
  const id = encodeURIComponent(event.id);
  const action = event.decision?.action || "note";
  card.dataset.seq = event.seq;
  card.classList.add("new");
  card.querySelector("a").href = `/events/${id}`;
  const image = card.querySelector("img");
  if (event.picture) {
    image.src = `/api/events/${id}/preview`;
    card.querySelector(".picture .none").remove();
  } else image.remove();
  card.querySelector(".plate").textContent = event.text || "—";
  card.querySelector(".badge").textContent = words[action];
  card.querySelector(".badge").classList.add(action);
  const time = card.querySelector("time");
  time.dateTime = event.last.wall;
  time.textContent = clock(new Date(event.last.wall));
  card.querySelector('[data-slot="camera"]').textContent = event.camera;
  const sure = Math.min(event.confidence, 0.999) * 100;
  const name = event.decision?.name ? ` · ${event.decision.name}` : "";
  card.querySelector('[data-slot="more"]').textContent = `${sure.toFixed(sure < 99 ? 0 : 1)}% sure · ${event.reads} reads${name}`;
  list.prepend(card);
  document.getElementById("empty").hidden = true;
  while (list.children.length > MOST) list.lastElementChild.remove();
}

function state(on) {
  link.textContent = on ? "live" : "no connection";
  link.className = `pill ${on ? "on" : "off"}`;
}

function open() {
  source?.close();
  source = new EventSource(`/api/events/stream?after=${list.dataset.after}`);
  const alive = () => { beat = Date.now(); state(true); };
  source.addEventListener("beat", alive);
  source.addEventListener("event", (message) => {
    alive();
    list.dataset.after = message.lastEventId;
    show(JSON.parse(message.data));
    document.getElementById("glimpse").hidden = true;
  });
  source.addEventListener("glimpse", (message) => {
    alive();
    const place = document.getElementById("glimpse");
    place.querySelector(".plate").textContent = JSON.parse(message.data).text;
    place.hidden = false;
  });
  source.addEventListener("over", () => { source.close(); state(false); }); // logged out: to come back is of no use
  source.onerror = () => state(false);
}

open();
setInterval(async () => {
  if (Date.now() - beat < 40000) return;
  beat = Date.now();
  try { await ask("GET", "/api/me"); } catch { return; } // whoever was logged out is led to the login
  open(); // a line that is silent for so long is dead, whatever the browser believes
  const view = document.getElementById("view");
  if (view) view.src = `${view.src.split("?")[0]}?${Date.now()}`.replace(/\?\d+$/, "");
}, 5000);
