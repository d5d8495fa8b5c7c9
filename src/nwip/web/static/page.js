// News for the page: takes server-sent events, draws what can be drawn, and brings the tables up to date.
import { Topology } from "./topology.js";
import { Chart } from "./traffic.js";
import { patch } from "./patch.js";

const charts = new Map();
const canvas = document.getElementById("topology");
const topology = canvas ? new Topology(canvas) : null;
const pause = document.getElementById("pause");
const paused = () => pause.getAttribute("aria-pressed") === "true";

for (const place of document.querySelectorAll(".chart")) {
  place.hidden = false;
  place.parentElement.querySelector("img").hidden = true;
  charts.set(place.dataset.series, new Chart(place));
}
pause.hidden = false;
pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!paused()));
  if (!paused()) { follow(); } else { news.close(); }
});

let news = null;
let fetching = false;

function follow() {
  const query = new URLSearchParams([...charts.keys()].map((name) => ["series", name]));
  news = new EventSource(`/events?${query}`);
  news.addEventListener("snapshot", (event) => take(JSON.parse(event.data)));
  news.addEventListener("update", (event) => take(JSON.parse(event.data)));
  news.addEventListener("error", () => say({ state: "bad", words: "'nwip web' does not answer; trying again" }));
}

function take(told) {
  say(told.status);
  for (const [name, curve] of Object.entries(told.curves ?? {})) { charts.get(name)?.show(curve); }
  for (const [name, sample] of Object.entries(told.samples ?? {})) { charts.get(name)?.add(sample); }
  if (topology && told.pictures) { topology.take(told.pictures); }
  if (!document.hidden) { refresh(); }
}

function say(status) {
  const place = document.getElementById("status");
  place.className = `status ${status.state}`;
  const words = place.querySelector("a");
  if (words.textContent !== status.words) { words.textContent = status.words; }
}

// The server writes every table; here the difference alone goes into the page, so that focus and scroll stay.
async function refresh() {
  if (fetching) { return; }
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh) { patch(document.getElementById("live"), fresh); }
  } catch {
    // the events say that nobody answers
  } finally {
    fetching = false;
  }
}

follow();
addEventListener("pagehide", () => news.close());
addEventListener("pageshow", (event) => { if (event.persisted && !paused()) { follow(); } });
