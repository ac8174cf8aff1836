// What all pages share: forms that speak to the API, times in the zone of whoever looks, messages.
"use strict";

const csrf = document.querySelector('meta[name="csrf"]').content;

function tell(text, alarm = false) {
  const line = document.createElement("p");
  line.textContent = text;
  line.classList.toggle("alarm", alarm);
  document.getElementById("told").replaceChildren(line);
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => line.remove(), alarm ? 12000 : 5000);
}

async function ask(method, path, body, kind = "application/json") {
  const headers = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = kind;
  const answer = await fetch(path, { method, headers, body, credentials: "same-origin" });
  const text = await answer.text();
  const told = text && /json/.test(answer.headers.get("Content-Type")) ? JSON.parse(text) : null;
  if (answer.ok) return told;
  if (answer.status === 401) location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
  throw new Error(told?.detail || `the device answered ${answer.status}`);
}

// "PUT /api/lists/{list}/{plate}" with the form's fields in it; those that are left go into the body.
function target(form, said, fields) {
  const [method, pattern] = said.split(" ");
  const path = pattern.replace(/\{(\w+)\}/g, (_, name) => {
    const value = fields[name] ?? "";
    delete fields[name];
    return encodeURIComponent(value);
  });
  return [method, path];
}

function fieldsOf(form) {
  const fields = {};
  for (const one of form.elements) {
    if (!one.name || one.type === "file") continue;
    fields[one.name] = one.type === "datetime-local" && one.value ? new Date(one.value).toISOString() : one.value;
  }
  return fields;
}

async function send(form) {
  if (form.dataset.sure && !confirm(form.dataset.sure)) return;
  const fields = fieldsOf(form);
  let told;
  if (form.dataset.upload) {
    const [method, path] = form.dataset.upload.split(" ");
    const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value));
    told = await ask(method, `${path}?${query}`, form.querySelector("[type=file]").files[0], form.dataset.kind);
  } else {
    const [method, path] = target(form, form.dataset.api, fields);
    const bare = method === "DELETE" || !Object.keys(fields).length;
    told = await ask(method, path, bare ? undefined : JSON.stringify(fields));
  }
  const done = form.dataset.done;
  if (form.dataset.said) tell(form.dataset.said);
  if (done === "reload") location.reload();
  if (done === "reset") form.reset();
  if (done === "secret") {
    const place = document.getElementById("secret");
    place.querySelector("code").textContent = told.secret;
    place.hidden = false;
    form.reset();
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.api && !form.dataset.upload) return;
  event.preventDefault();
  const button = event.submitter;
  if (button) button.disabled = true;
  send(form).catch((error) => tell(error.message, true)).finally(() => { if (button) button.disabled = false; });
});

const pad = (number) => String(number).padStart(2, "0");

function clock(moment) {
  const day = `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
  return `${day} ${pad(moment.getHours())}:${pad(moment.getMinutes())}:${pad(moment.getSeconds())}`;
}

for (const time of document.querySelectorAll("time[datetime]")) time.textContent = clock(new Date(time.dateTime));
for (const input of document.querySelectorAll("input[data-moment]")) {
  const moment = new Date(input.dataset.moment);
  if (input.dataset.moment && !isNaN(moment)) input.value = clock(moment).replace(" ", "T").slice(0, 16);
}
const refresh = document.querySelector("[data-refresh]");
if (refresh) setTimeout(() => location.reload(), refresh.dataset.refresh * 1000);
