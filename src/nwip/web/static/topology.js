// The picture of the domain on a canvas that can be moved: the server has placed everything.
const NARROW = matchMedia("(max-width: 40rem)");
const DARK = matchMedia("(prefers-color-scheme: dark)");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function style() {
  const font = "system-ui, Segoe UI, DejaVu Sans, sans-serif";
  return [
    { selector: "node", style: {
      shape: "round-rectangle", width: "data(width)", height: "data(height)", "background-color": colour("card"),
      "border-width": 1, "border-color": colour("line"), "overlay-opacity": 0, "corner-radius": 6,
      "z-index-compare": "manual", "z-index": 2 } },
    { selector: "node.point", style: { width: 0.1, height: 0.1, "border-width": 0, "background-opacity": 0, events: "no" } },
    { selector: "node.text", style: {
      label: "data(label)", color: colour("text"), "font-family": font, "font-size": 13, "text-halign": "right",
      "text-valign": "center", "text-events": "no", "z-index": 3 } },
    { selector: "node.text.note", style: { color: colour("soft"), "font-size": 11 } },
    { selector: "node.text.strong", style: { "font-weight": 600 } },
    { selector: "node.text.on-bar", style: { color: colour("on-accent"), "font-weight": 600 } },
    { selector: "node.text.wrong", style: { color: colour("bad") } },
    { selector: "node.site", style: {
      "background-color": colour("frame"), "border-color": colour("edge"), events: "no", "corner-radius": 10,
      "z-index": 0 } },
    { selector: "node.bar", style: { "background-color": colour("accent"), "border-width": 0 } },
    { selector: "node.dss", style: { "background-color": colour("dss-ground"), "border-color": colour("dss") } },
    { selector: "node.node", style: { "border-width": 1.5 } },
    { selector: "node.self.node", style: {
      "background-color": colour("accent-ground"), "border-color": colour("accent"), "border-width": 2 } },
    { selector: "node.client, node.hosts, node.more", style: { "corner-radius": 14 } },
    { selector: "node.gone, node.bad", style: {
      "background-color": colour("bad-ground"), "border-color": colour("bad"), "border-style": "dashed" } },
    { selector: "edge", style: { width: 1.5, "line-color": colour("line"), "curve-style": "straight", events: "no",
      "z-index-compare": "manual", "z-index": 1 } },
    { selector: "edge.trunk", style: { width: 6, "line-color": colour("accent") } },
    { selector: "edge.busy", style: { width: "data(width)", "line-color": colour("accent") } },
    { selector: "edge.gone", style: { "line-color": colour("bad"), "line-style": "dashed" } },
    { selector: "node.over", style: { "border-color": colour("accent"), "border-width": 2.5 } },
  ];
}

const point = (id, x, y, classes = "", label = "") => ({
  group: "nodes", classes: `point ${classes}`, data: { id, label, width: 0.1, height: 0.1 }, position: { x, y } });

// A text begins at a point: so each box can have two of them, at its left.
function texts(box) {
  const middle = box.y + box.height / 2;
  const wrong = box.state === "gone" || box.state === "bad" ? "wrong" : "";
  const kind = { bar: "on-bar", node: "strong", dss: "strong", site: "note" }[box.kind] ?? "";
  const at = box.kind === "site" ? box.y + 14 : box.note ? middle - 8 : middle;
  return [
    ...(box.title ? [point(`${box.name}=`, box.x + 10, at, `text ${kind}`, box.title)] : []),
    ...(box.note ? [point(`${box.name}-`, box.x + 10, middle + 9, `text note ${wrong}`, box.note)] : []),
  ];
}

function elements(picture) {
  const boxes = picture.boxes.map((box) => ({
    group: "nodes",
    classes: `${box.kind} ${box.state}`,
    data: { id: box.name, width: box.width, height: box.height, page: box.page },
    position: { x: box.x + box.width / 2, y: box.y + box.height / 2 },
  }));
  const wires = picture.wires.flatMap((wire) => [
    point(`${wire.name}<`, wire.x1, wire.y1),
    point(`${wire.name}>`, wire.x2, wire.y2),
    { group: "edges", classes: `${wire.kind} ${wire.state} ${wire.rate >= 1 ? "busy" : ""}`,
      data: { id: wire.name, source: `${wire.name}<`, target: `${wire.name}>`,
        width: Math.min(8, 2 + Math.log10(Math.max(1, wire.rate))) } },
  ]);
  return [...boxes, ...wires, ...picture.boxes.flatMap(texts)];
}

export class Topology {
  constructor(place) {
    this.place = place;
    this.pictures = null;
    this.shape = "";
    place.hidden = false;
    document.getElementById("topology-still").hidden = true;
    document.getElementById("topology-hint").hidden = false;
    this.graph = cytoscape({
      container: place, style: style(), autoungrabify: true, boxSelectionEnabled: false, minZoom: 0.15, maxZoom: 2.5,
      userZoomingEnabled: matchMedia("(pointer: coarse)").matches, layout: { name: "preset" },
    });
    this.graph.on("tap", "node", (event) => { if (event.target.data("page")) { location.href = event.target.data("page"); } });
    this.graph.on("mouseover", "node", (event) => this.point(event.target, true));
    this.graph.on("mouseout", "node", (event) => this.point(event.target, false));
    const zoom = (by) => this.graph.zoom({
      level: this.graph.zoom() * by, renderedPosition: { x: place.clientWidth / 2, y: place.clientHeight / 2 } });
    document.getElementById("closer").addEventListener("click", () => zoom(1.25));
    document.getElementById("farther").addEventListener("click", () => zoom(0.8));
    document.getElementById("whole").addEventListener("click", () => this.whole());
    NARROW.addEventListener("change", () => this.draw());
    DARK.addEventListener("change", () => this.graph.style(style()));
    addEventListener("resize", () => this.whole());
  }

  take(pictures) { this.pictures = pictures; this.draw(); }

  draw() {
    if (!this.pictures) { return; }
    const picture = NARROW.matches ? this.pictures.narrow : this.pictures.wide;
    const fresh = new Map(elements(picture).map((each) => [each.data.id, each]));
    this.graph.batch(() => {
      this.graph.elements().filter((each) => !fresh.has(each.id())).remove();
      for (const [id, each] of fresh) {
        const known = this.graph.getElementById(id);
        if (known.empty()) { this.graph.add(each); continue; }
        known.data(each.data).classes(each.classes);
        if (each.position) { known.position(each.position); }
      }
    });
    const shape = `${picture.width} ${picture.height}`;
    if (shape !== this.shape) { this.shape = shape; this.whole(picture); }
    const drawn = picture.boxes.filter((box) => box.kind === "node").map((box) => `${box.title} ${box.state}`.trim());
    this.place.dataset.nodes = drawn.join(", ");
  }

  // As large as the page is wide, but no larger than life; as high as that needs, within reason.
  whole(picture = null) {
    const size = picture ?? (this.pictures && (NARROW.matches ? this.pictures.narrow : this.pictures.wide));
    if (!size) { return; }
    const scale = Math.min(1, this.place.clientWidth / size.width);
    this.place.style.height = `${Math.max(220, Math.min(size.height * scale, innerHeight * 0.9))}px`;
    this.graph.resize();
    this.graph.fit(undefined, 8);
    if (this.graph.zoom() > 1) { this.graph.zoom(1); this.graph.center(); }
  }

  point(node, is) {
    if (!node.data("page")) { return; }
    node.toggleClass("over", is);
    this.place.style.cursor = is ? "pointer" : "";
  }
}
