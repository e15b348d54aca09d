// The graph: nodes and edges as SVG, whose elements stay as long as the network has them.
import {$, svg, text, short} from "./dom.js";
import {ranges, stateOf, branchClass} from "./model.js";
import {Layout, ahead} from "./layout.js";
import {Lightning} from "./lightning.js";
import {Travel} from "./travel.js";

const d3 = globalThis.d3;
const maxEdges = 3000, maxLabelled = 40;
export const shapes = ["circle", "square", "diamond", "triangle"];

export class Graph {
  // open is called with the ordinal of a node, the id of an LND node, or null.
  constructor(open) {
    this.open = open;
    this.root = $("graph");
    this.stage = $("stage");
    this.layers = Object.fromEntries(["boxes", "edges", "uses", "channels", "nodes", "lnds"].map(name => [name, svg("g", {class: name})]));
    this.tall = this.root.clientHeight > this.root.clientWidth;
    this.canvas = svg("g", {}, ...Object.values(this.layers));
    this.root.append(this.canvas);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.layout = new Layout(() => this.place());
    this.travel = new Travel(this);
    this.nodes = new Map();
    this.edges = new Map();
    this.lightning = new Lightning(this, open);
    this.chosen = this.tipOf = null;
    this.zoom = d3.zoom().scaleExtent([.1, 4]).on("zoom", event => {
      this.canvas.setAttribute("transform", event.transform);
      if (event.sourceEvent) this.moved = true;
      this.hideTip();
    });
    d3.select(this.root).call(this.zoom).on("dblclick.zoom", null);
    $("zoom-in").onclick = () => this.scale(1.3);
    $("zoom-out").onclick = () => this.scale(1 / 1.3);
    $("zoom-fit").onclick = () => { this.moved = false; this.fit(); };
    this.root.addEventListener("keydown", event => this.key(event));
    this.root.addEventListener("click", event => { if (event.target === this.root) this.open(null); });
    new ResizeObserver(() => {
      this.tall = this.root.clientHeight > this.root.clientWidth;
      if (this.network) this.update(this.network);
      if (!this.moved) this.fit();
    }).observe(this.root);
  }

  scale(by) {
    this.moved = true;
    d3.select(this.root).call(this.zoom.scaleBy, by);
  }

  // update shows a network, with the Lightning networks on it.
  update(network, lightning = this.lightning.list) {
    this.network = network;
    this.stage.classList.toggle("dense", network.nodes.length > maxLabelled);
    const before = this.edges.size, moved = this.layout.set(network, this.tall, this.still.matches);
    this.updateEdges(network);
    this.updateNodes(network);
    this.updateBoxes(network);
    const changed = this.lightning.update(lightning);
    if (!moved && before === this.edges.size && !this.unplaced && !changed) return;
    this.unplaced = false;
    this.choose(this.chosen);
    this.place();
  }

  updateEdges(network) {
    const list = network.edges.length <= maxEdges ? network.edges
      : network.edges.filter((e, i) => e.kind || e.from === this.chosen || e.to === this.chosen || i % Math.ceil(network.edges.length / maxEdges) === 0);
    const seen = new Set();
    for (const edge of list) {
      seen.add(edge.id);
      let drawn = this.edges.get(edge.id);
      if (!drawn) {
        drawn = {line: svg("line", {"data-from": edge.from, "data-to": edge.to})};
        this.edges.set(edge.id, drawn);
        this.layers.edges.append(drawn.line);
        this.unplaced = true;
      }
      if (drawn.kind !== edge.kind) drawn.line.setAttribute("class", ("edge " + edge.kind).trim());
      Object.assign(drawn, {from: edge.from, to: edge.to, kind: edge.kind});
    }
    for (const [id, drawn] of this.edges) if (!seen.has(id)) { drawn.line.remove(); this.edges.delete(id); }
    this.drawn = list.length;
  }

  updateNodes(network) {
    this.biggest = Math.max(1, ...network.nodes.map(n => n.mempool ? n.mempool.size : 0));
    const seen = new Set();
    for (const node of network.nodes) {
      seen.add(node.ordinal);
      let drawn = this.nodes.get(node.ordinal);
      if (!drawn || drawn.radius !== this.layout.radius || drawn.group !== node.group) {
        if (drawn) this.remove(drawn.g);
        drawn = this.create(node);
      }
      drawn.node = node;
      this.show(drawn);
    }
    for (const [id, drawn] of this.nodes) if (!seen.has(id)) { this.remove(drawn.g); this.nodes.delete(id); }
    if (![...this.nodes.values()].some(d => d.g.getAttribute("tabindex") === "0")) this.nodes.get(network.nodes[0]?.ordinal)?.g.setAttribute("tabindex", "0");
  }

  create(node) {
    const radius = this.layout.radius, parts = {
      halo: svg("circle", {class: "halo", r: radius + 9}), shape: svg("path", {class: "shape", d: shapePath(this.shapeOf(node), radius)}), pool: svg("path", {class: "pool"}),
      ordinal: svg("text", {class: "ordinal", "font-size": radius < 10 ? 8 : Math.round(radius * .8)}, String(node.ordinal)),
      below: svg("text", {class: "below", y: radius + 19}),
    };
    const g = svg("g", {class: "node", role: "button", tabindex: "-1", "data-node": node.ordinal}, ...Object.values(parts));
    const drawn = {g, ...parts, radius, group: node.group, held: null};
    g.addEventListener("click", () => this.open(node.ordinal));
    g.addEventListener("pointerenter", () => this.showTip(drawn));
    g.addEventListener("pointerleave", () => this.hideTip());
    g.addEventListener("focus", () => { this.rove(node.ordinal); if (g.matches(":focus-visible")) this.showTip(drawn); });
    g.addEventListener("blur", () => this.hideTip());
    this.layers.nodes.append(g);
    this.unplaced = true;
    this.nodes.set(node.ordinal, drawn);
    return drawn;
  }

  shapeOf(node) {
    return shapes[node.group ? 1 + this.network.groups.indexOf(node.group) % (shapes.length - 1) : 0];
  }

  // show shows the state of a node. While a block is on its way to it, it keeps the one before.
  show(drawn) {
    const {node} = drawn, {network, biggest} = this, tip = drawn.held ? drawn.held.tip : node.tip;
    const names = ["node", node.ready ? branchClass(tip) : "lost", node.ready && tip && tip.behind ? "behind" : ""];
    const marks = [...drawn.g.classList].filter(c => ["chosen", "near"].includes(c));
    const all = [...names.filter(Boolean), ...marks].join(" ");
    if (drawn.g.getAttribute("class") !== all) drawn.g.setAttribute("class", all);
    const label = labelOf(node);
    if (drawn.g.getAttribute("aria-label") !== label) drawn.g.setAttribute("aria-label", label);
    if (network.nodes.length <= maxLabelled) {
      const height = node.ready && tip ? String(tip.height) : "", more = node.ready && node.mempool && node.mempool.size ? ` · ${node.mempool.size} tx` : "";
      if (drawn.label !== height + more) {
        drawn.label = height + more;
        drawn.below.replaceChildren(height, svg("tspan", {class: "more"}, more));
      }
    }
    const size = node.ready && node.mempool ? node.mempool.size : 0;
    const arc = size ? d3.arc()({innerRadius: drawn.radius + 5, outerRadius: drawn.radius + 5, startAngle: 0, endAngle: Math.max(.25, 2 * Math.PI * .999 * size / biggest)}) : "";
    if (drawn.arc !== arc) { drawn.arc = arc; drawn.pool.setAttribute("d", arc || ""); }
  }

  updateBoxes(network) {
    const sides = network.sides.length > 1 ? network.sides : [];
    while (this.layers.boxes.childElementCount > sides.length) this.layers.boxes.lastChild.remove();
    while (this.layers.boxes.childElementCount < sides.length) this.layers.boxes.append(svg("g", {}, svg("rect", {class: "side-box", rx: 22}), svg("text", {class: "side-name"})));
    sides.forEach((side, i) => {
      const heights = side.map(o => network.nodes[o]?.tip?.height || 0);
      text(this.layers.boxes.children[i].lastChild, `${side.length === 1 ? "node" : "nodes"} ${ranges(side)} · height ${Math.max(...heights)}`);
    });
    this.sides = sides;
  }

  place() {
    for (const [id, drawn] of this.nodes) {
      const at = this.layout.nodes.get(id);
      if (at) drawn.g.setAttribute("transform", `translate(${at.x.toFixed(1)},${at.y.toFixed(1)})`);
    }
    for (const drawn of this.edges.values()) {
      const a = this.layout.nodes.get(drawn.from), b = this.layout.nodes.get(drawn.to);
      if (!a || !b) continue;
      for (const [name, value] of [["x1", a.x], ["y1", a.y], ["x2", b.x], ["y2", b.y]]) drawn.line.setAttribute(name, value.toFixed(1));
    }
    (this.sides || []).forEach((side, i) => {
      const box = this.layout.box(side, this.layout.radius * (this.lightning.nodes.size ? 3.1 : 2.4)), [rect, name] = this.layers.boxes.children[i].children;
      if (!box) return;
      for (const [key, value] of Object.entries(box)) rect.setAttribute(key, value.toFixed(1));
      name.setAttribute("x", (box.x + box.width / 2).toFixed(1));
      name.setAttribute("y", (box.y - 10).toFixed(1));
    });
    this.lightning.place();
    if (!this.moved) this.fit();
  }

  fit() {
    const all = this.lightning.around(this.layout.box([...this.layout.nodes.keys()], this.layout.radius * 2.4));
    const width = this.root.clientWidth, height = this.root.clientHeight;
    if (!all || !width || !height) return;
    const sides = (this.sides || []).length ? 26 : 0, foot = $("legend").offsetHeight + 22, room = [width - 110, height - foot - 34 - sides];
    const scale = Math.min(1.5, room[0] / all.width, room[1] / all.height);
    d3.select(this.root).call(this.zoom.transform, d3.zoomIdentity
      .translate(width / 2 - scale * (all.x + all.width / 2), 17 + sides + room[1] / 2 - scale * (all.y + all.height / 2)).scale(scale));
  }

  // visible are the ordinals of the nodes in the window.
  visible() {
    const t = d3.zoomTransform(this.root), width = this.root.clientWidth, height = this.root.clientHeight;
    return [...this.layout.nodes].filter(([, n]) => {
      const [x, y] = t.apply([n.x, n.y]);
      return x > 0 && y > 0 && x < width && y < height;
    }).map(([id]) => id).sort((a, b) => a - b);
  }

  // choose marks a node with what is connected with it; null is none.
  choose(chosen) {
    const before = this.chosen;
    this.chosen = chosen;
    if (before !== chosen && this.network && this.network.edges.length > maxEdges) this.updateEdges(this.network);
    this.stage.classList.toggle("choosing", this.nodes.has(chosen) || this.lightning.nodes.has(chosen)); // not for one of a layer that is hidden
    const near = new Set([this.lightning.choose(chosen)]);
    for (const drawn of this.edges.values()) {
      const is = chosen !== null && (drawn.from === chosen || drawn.to === chosen) && drawn.kind !== "missing";
      drawn.line.classList.toggle("near", is);
      if (is) near.add(drawn.from === chosen ? drawn.to : drawn.from);
    }
    for (const [id, drawn] of this.nodes) {
      drawn.g.classList.toggle("chosen", id === chosen);
      drawn.g.classList.toggle("near", near.has(id));
      drawn.g.setAttribute("aria-pressed", String(id === chosen));
    }
    if (this.nodes.has(chosen)) this.rove(chosen);
  }

  // rove makes one node the one that the tab key reaches.
  rove(ordinal) {
    for (const [id, drawn] of this.nodes) drawn.g.setAttribute("tabindex", id === ordinal ? "0" : "-1");
  }

  focus(id) {
    if (!this.nodes.has(id)) return this.lightning.focus(id);
    this.rove(id);
    this.nodes.get(id).g.focus();
  }

  key(event) {
    const at = event.target.closest?.(".node"), lnd = event.target.closest?.(".lnd");
    const direction = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]}[event.key];
    if (lnd && this.lightning.key(event, lnd, direction)) event.preventDefault();
    if (!at) return;
    const id = Number(at.dataset.node);
    if (event.key === "Enter" || event.key === " ") this.open(id);
    else if (event.key === "Escape") this.open(null);
    else if (event.key === "Home") this.focus(Math.min(...this.nodes.keys()));
    else if (event.key === "End") this.focus(Math.max(...this.nodes.keys()));
    else if (direction) {
      const best = ahead(this.layout.nodes, id, direction);
      if (best !== null) this.focus(best);
    } else return;
    event.preventDefault();
  }

  showTip(drawn) {
    const {node} = drawn, lines = [node.pod, stateOf(node)];
    if (node.tip) lines.push(`block ${node.tip.height} ${short(node.tip.hash)}`);
    if (node.mempool) lines.push(`${node.mempool.size} transactions in the mempool`);
    this.showTipAt(drawn.g, "Node " + node.ordinal, lines);
  }

  // showTipAt shows words beside an element.
  showTipAt(of, title, lines) {
    const tip = $("tip"), stage = this.stage.getBoundingClientRect(), box = of.getBoundingClientRect();
    this.tipOf = of;
    tip.replaceChildren(Object.assign(document.createElement("b"), {textContent: title}),
      ...lines.map(line => Object.assign(document.createElement("span"), {textContent: line})));
    tip.hidden = false;
    const left = box.right - stage.left + 10, fits = left + tip.offsetWidth < stage.width;
    tip.style.left = Math.max(4, fits ? left : box.left - stage.left - tip.offsetWidth - 10) + "px";
    tip.style.top = Math.max(4, Math.min(stage.height - tip.offsetHeight - 4, box.top - stage.top)) + "px";
  }

  hideTip() {
    this.tipOf = null;
    $("tip").hidden = true;
  }

  // remove takes out an element with its tip: the pointer does not leave what does not exist any more.
  remove(element) {
    if (element.contains(this.tipOf)) this.hideTip();
    element.remove();
  }
}

function labelOf(node) {
  const parts = [`Node ${node.ordinal}`, stateOf(node)];
  if (node.ready && node.tip) parts.push(`height ${node.tip.height}`, `branch ${node.tip.branch + 1}`);
  if (node.ready && node.mempool) parts.push(`${node.mempool.size} transactions in the mempool`);
  return parts.join(", ");
}

export function shapePath(shape, r) {
  switch (shape) {
  case "square": { const a = r * .9; return `M${-a},${-a}H${a}V${a}H${-a}Z`; }
  case "diamond": { const a = r * 1.25; return `M0,${-a}L${a},0L0,${a}L${-a},0Z`; }
  case "triangle": { const a = r * 1.35; return `M0,${-a}L${a * .95},${a * .72}H${-a * .95}Z`; }
  }
  return `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`;
}
