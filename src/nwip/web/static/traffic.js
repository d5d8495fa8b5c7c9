// Traffic over time: a series of packets a second, in, out and dropped.
const DARK = matchMedia("(prefers-color-scheme: dark)");
const KEPT = 900;
const LINES = [["in", "accent", []], ["out", "ok", [6, 3]], ["dropped", "bad", [2, 3]]];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const figure = (value) => (value === null || value === undefined ? "-" : value.toLocaleString("en", { maximumFractionDigits: 1 }));

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export class Chart {
  constructor(place) {
    this.place = place;
    this.key = place.parentElement.querySelector(".key");
    this.curve = [[], [], [], []];
    this.plot = null;
    this.key.hidden = false;
    this.make();
    DARK.addEventListener("change", () => this.make());
    new ResizeObserver(() => this.plot.setSize(this.size())).observe(place);
  }

  size() { return { width: Math.max(220, this.place.clientWidth), height: 170 }; }

  make() {
    this.plot?.destroy();
    const axis = { stroke: colour("soft"), grid: { stroke: colour("edge"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    this.plot = new uPlot({
      ...this.size(),
      scales: { y: { range: (plot, least, most) => [0, Math.max(1, (most ?? 0) * 1.1)] } },
      axes: [
        { ...axis, space: 90, size: 28, values: (plot, marks) => marks.map((at) => clock.format(at * 1000)) },
        { ...axis, size: 56, values: (plot, marks) => marks.map(figure) },
      ],
      series: [{}, ...LINES.map(([label, name, dash]) => ({ label, stroke: colour(name), width: 1.6, dash, points: { show: false } }))],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      hooks: { setCursor: [() => this.say()], setData: [() => this.say()] },
    }, this.curve, this.place);
  }

  // In words: the values under the pointer, else the last ones.
  say() {
    const place = this.plot?.cursor.idx ?? this.curve[0].length - 1;
    LINES.forEach(([label], line) => {
      this.key.querySelector(`.${label} b`).textContent = `${figure(this.curve[line + 1][place])}/s`;
    });
    const at = this.curve[0][place];
    this.key.querySelector(".at").textContent = this.plot?.cursor.idx == null || !at ? "" : `at ${clock.format(at * 1000)}`;
  }

  show(curve) { this.curve = curve; this.plot.setData(curve); }

  add(sample) {
    if (!sample.length || sample[0] <= (this.curve[0].at(-1) ?? 0)) { return; }
    this.curve = this.curve.map((line, place) => [...line.slice(1 - KEPT), sample[place]]);
    this.plot.setData(this.curve);
  }
}
