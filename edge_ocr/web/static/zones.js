// Polygons on a camera's picture, in shares of its width and height: by mouse, by touch and by keyboard.
"use strict";

const place = document.getElementById("draw");
const canvas = place?.querySelector("svg");
const NEAR = 0.025; // of the picture: what counts as the same corner
const STEP = 0.02;
const shapes = place ? JSON.parse(place.dataset.drawn) : { zones: [], masks: [] };
let kind = "zones";
let open = [];
let cross = null;
let held = null;

const tidy = (value) => Math.min(1, Math.max(0, Math.round(value * 1000) / 1000));
const make = (name, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};
const line = (points) => points.map((point) => point.join(",")).join(" ");

function draw() {
  const { width, height } = canvas.getBoundingClientRect();
  if (!width) return; // not laid out yet; the picture draws again when it is there
  const [rx, ry] = [6 / width, 6 / height];
  const nodes = [];
  for (const name of ["zones", "masks"])
    for (const shape of shapes[name]) {
      nodes.push(make("polygon", { points: line(shape), class: name }));
      for (const [cx, cy] of shape) nodes.push(make("ellipse", { cx, cy, rx, ry, class: "corner" }));
    }
  if (open.length) nodes.push(make("polyline", { points: line(open), class: kind }));
  for (const [cx, cy] of open) nodes.push(make("ellipse", { cx, cy, rx, ry, class: "corner" }));
  if (cross) {
    nodes.push(make("line", { x1: cross[0] - 3 * rx, x2: cross[0] + 3 * rx, y1: cross[1], y2: cross[1], class: "cross" }));
    nodes.push(make("line", { x1: cross[0], x2: cross[0], y1: cross[1] - 3 * ry, y2: cross[1] + 3 * ry, class: "cross" }));
  }
  canvas.replaceChildren(...nodes);
  const items = ["zones", "masks"].flatMap((name) => shapes[name].map((shape, number) => {
    const item = document.createElement("li");
    item.className = "row";
    item.append(`${name === "zones" ? "Zone" : "Mask"} ${number + 1}, ${shape.length} corners `);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "danger";
    button.textContent = "Remove";
    button.setAttribute("aria-label", `Remove ${name === "zones" ? "zone" : "mask"} ${number + 1}`);
    button.addEventListener("click", () => { shapes[name].splice(number, 1); draw(); });
    item.append(button);
    return item;
  }));
  document.getElementById("shapes").replaceChildren(...items);
}

function where(event) {
  const box = canvas.getBoundingClientRect();
  return [tidy((event.clientX - box.left) / box.width), tidy((event.clientY - box.top) / box.height)];
}

const close = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by) < NEAR;

function corner(point) {
  if (open.length > 2 && close(point, open[0])) finish();
  else if (open.length < 64) open.push(point);
  draw();
}

function finish() {
  if (open.length < 3) return tell("A shape needs three corners.", true);
  if (shapes[kind].length >= 32) return tell("There are 32 already.", true);
  shapes[kind].push(open);
  open = [];
  draw();
}

function find(point) {
  for (const shape of [...shapes.zones, ...shapes.masks])
    for (const [number, other] of shape.entries()) if (close(point, other)) return [shape, number];
  return null;
}

const doing = {
  zones: () => { kind = "zones"; },
  masks: () => { kind = "masks"; },
  close: finish,
  undo: () => { open.length ? open.pop() : (open = shapes[kind].pop() || []); },
  clear: () => { open = []; shapes.zones = []; shapes.masks = []; },
  save: () => {
    if (open.length) return tell("Close the shape first.", true);
    ask("PUT", `/api/cameras/${encodeURIComponent(place.dataset.camera)}/zones`, JSON.stringify(shapes))
      .then(() => tell("The zones are saved."), (error) => tell(error.message, true));
  },
};

if (canvas) {
  const image = place.querySelector("img");
  image?.addEventListener("load", () => { image.parentElement.classList.add("sized"); draw(); });
  for (const button of place.querySelectorAll("button[data-do]"))
    button.addEventListener("click", () => {
      doing[button.dataset.do]();
      for (const other of place.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other.dataset.do === kind));
      draw();
    });
  canvas.addEventListener("pointerdown", (event) => {
    held = open.length ? null : find(where(event));
    if (held) canvas.setPointerCapture(event.pointerId);
    else corner(where(event));
  });
  canvas.addEventListener("pointermove", (event) => { if (held) { held[0][held[1]] = where(event); draw(); } });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    cross ||= [0.5, 0.5];
    if (moves[event.key]) cross = [tidy(cross[0] + moves[event.key][0]), tidy(cross[1] + moves[event.key][1])];
    else if (event.key === "Enter") corner([...cross]);
    else if (event.key.toLowerCase() === "c") finish();
    else return;
    event.preventDefault();
    draw();
  });
  addEventListener("resize", draw);
  draw();
}
