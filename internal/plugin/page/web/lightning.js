// The Lightning layer of the graph: LND nodes beside the bitcoind nodes that they use, and channels between them as arcs.
import {svg} from "./dom.js";
import {balance, channelWords, lndState, sat, signs} from "./lnmodel.js";
import {ahead} from "./layout.js";

const maxChannels = 1000;

export class Lightning {
  // open is called with the id of an LND node, such as my-lightning/0, or null.
  constructor(graph, open) {
    Object.assign(this, {graph, open, list: [], nodes: new Map(), channels: new Map(), angles: new Map()});
    graph.layers.lnds.setAttribute("role", "group");
    graph.layers.lnds.setAttribute("aria-label", "LND nodes");
    graph.layers.channels.setAttribute("aria-hidden", "true"); // the table has them in words
  }

  // update brings the layer in line with Lightning networks, and reports whether it has other elements than before.
  update(list) {
    this.list = list;
    const nodes = list.flatMap(l => l.nodes), radius = Math.max(6, Math.round(this.graph.layout.radius * .62));
    if (radius !== this.radius) for (const id of this.nodes.keys()) this.removeNode(id);
    this.radius = radius;
    const before = [this.nodes.size, this.channels.size], seen = new Set(nodes.map(n => n.id));
    let changed = false;
    for (const id of this.nodes.keys()) if (!seen.has(id)) { this.removeNode(id); changed = true; }
    for (const node of nodes) changed = this.showNode(node) || changed;
    changed = this.updateChannels(list) || changed;
    if (nodes.length && ![...this.nodes.values()].some(d => d.g.getAttribute("tabindex") === "0")) this.rove(nodes[0].id);
    return changed || before[0] !== this.nodes.size || before[1] !== this.channels.size;
  }

  removeNode(id) {
    const drawn = this.nodes.get(id);
    this.graph.remove(drawn.g);
    drawn.uses.remove();
    this.nodes.delete(id);
  }

  // showNode shows the state of a node, and reports whether it is a new one, or has another place.
  showNode(node) {
    let drawn = this.nodes.get(node.id), changed = false;
    const uses = node.bitcoin >= 0 ? node.bitcoin : node.ordinal % Math.max(1, this.graph.network.size);
    if (!drawn) {
      drawn = this.create(node);
      changed = true;
    }
    changed = changed || drawn.on !== uses;
    Object.assign(drawn, {node, on: uses});
    const marks = [...drawn.g.classList].filter(c => ["chosen", "near"].includes(c));
    const all = ["lnd", node.ready ? node.synced ? "" : "unsynced" : "lost", ...marks].filter(Boolean).join(" ");
    if (drawn.g.getAttribute("class") !== all) drawn.g.setAttribute("class", all);
    const label = `LND ${node.id}, ${lndState(node)}, uses node ${uses}`;
    if (drawn.g.getAttribute("aria-label") !== label) drawn.g.setAttribute("aria-label", label);
    return changed;
  }

  create(node) {
    const r = this.radius, a = r * .87, {layers} = this.graph;
    const g = svg("g", {class: "lnd", role: "button", tabindex: "-1", "data-lnd": node.id}, svg("circle", {class: "halo", r: r + 6}),
      svg("path", {class: "shape", d: `M0,${-r}L${a},${-r / 2}V${r / 2}L0,${r}L${-a},${r / 2}V${-r / 2}Z`}),
      svg("text", {class: "ordinal", "font-size": Math.max(8, Math.round(r * .9))}, String(node.ordinal)));
    const drawn = {g, uses: svg("line", {class: "uses"})};
    g.addEventListener("click", () => this.open(node.id));
    g.addEventListener("pointerenter", () => this.showTip(drawn));
    g.addEventListener("pointerleave", () => this.graph.hideTip());
    g.addEventListener("focus", () => { this.rove(node.id); if (g.matches(":focus-visible")) this.showTip(drawn); });
    g.addEventListener("blur", () => this.graph.hideTip());
    layers.lnds.append(g);
    layers.uses.append(drawn.uses);
    this.nodes.set(node.id, drawn);
    return drawn;
  }

  updateChannels(list) {
    let all = list.flatMap(l => l.channels).filter(c => this.nodes.has(c.fromId) && this.nodes.has(c.toId)), changed = false;
    if (all.length > maxChannels) all = all.filter((c, i) => c.kind !== "active" || [c.fromId, c.toId].includes(this.graph.chosen) || i % Math.ceil(all.length / maxChannels) === 0);
    const seen = new Set(all.map(c => c.id)), between = new Map();
    for (const [id, drawn] of this.channels) if (!seen.has(id)) { this.graph.remove(drawn.g); this.channels.delete(id); changed = true; }
    for (const channel of all) {
      const pair = [channel.fromId, channel.toId].sort().join(), nth = between.get(pair) || 0;
      between.set(pair, nth + 1);
      let drawn = this.channels.get(channel.id);
      if (!drawn) {
        drawn = this.createChannel(channel.id);
        changed = true;
      }
      const total = (channel.fromBalance || 0) + (channel.toBalance || 0), share = total ? (channel.fromBalance || 0) / total : .5;
      changed = changed || drawn.nth !== nth || drawn.share !== share;
      Object.assign(drawn, {channel, nth, share});
      if (drawn.kind !== channel.kind) {
        drawn.g.setAttribute("class", "channel " + channel.kind);
        drawn.sign.textContent = signs[channel.kind] || "";
        drawn.kind = channel.kind;
        changed = true;
      }
    }
    return changed;
  }

  createChannel(id) {
    const drawn = {
      hit: svg("path", {class: "hit"}), arc: svg("path", {class: "arc"}), bead: svg("circle", {class: "bead", r: Math.max(3, this.radius * .3)}),
      sign: svg("text", {class: "sign", "font-size": Math.max(11, this.radius)}),
    };
    drawn.g = svg("g", {"data-channel": id}, drawn.hit, drawn.arc, drawn.bead, drawn.sign);
    drawn.g.addEventListener("pointerenter", () => {
      const {channel} = drawn;
      this.graph.showTipAt(drawn.bead, `Channel ${channel.fromId}–${channel.to}`, [channelWords(channel), `capacity ${sat(channel.capacity)}`,
        `node ${channel.from} has ${sat(channel.fromBalance)}`, `node ${channel.to} has ${sat(channel.toBalance)}`]);
    });
    drawn.g.addEventListener("pointerleave", () => this.graph.hideTip());
    this.graph.layers.channels.append(drawn.g);
    this.channels.set(id, drawn);
    return drawn;
  }

  // place puts each node beside the one whose chain it uses, where most room is.
  place() {
    const {layout} = this.graph, on = new Map();
    for (const drawn of this.nodes.values()) {
      if (!on.has(drawn.on)) on.set(drawn.on, []);
      on.get(drawn.on).push(drawn);
    }
    for (const [ordinal, drawn] of on) {
      const base = layout.nodes.get(ordinal), places = base ? this.places(base, drawn.length) : [];
      drawn.forEach((d, i) => {
        d.at = places[i];
        for (const element of [d.g, d.uses]) element.style.display = d.at ? "" : "none";
        if (!d.at) return;
        d.g.setAttribute("transform", `translate(${d.at.x.toFixed(1)},${d.at.y.toFixed(1)})`);
        for (const [name, value] of [["x1", base.x], ["y1", base.y], ["x2", d.at.x], ["y2", d.at.y]]) d.uses.setAttribute(name, value.toFixed(1));
      });
    }
    for (const drawn of this.channels.values()) this.placeChannel(drawn);
  }

  places(base, count) {
    const {layout} = this.graph, gap = this.gap(base), list = [];
    for (let ring = 0; list.length < count; ring++) {
      const far = layout.radius * 1.35 + this.radius * (1.5 + 2.3 * ring), step = 2 * Math.asin(Math.min(1, this.radius * 1.2 / far));
      const row = Math.min(count - list.length, Math.max(1, Math.floor(gap.span * .7 / step) + 1));
      for (let i = 0; i < row; i++) {
        const angle = gap.middle + (i - (row - 1) / 2) * step;
        list.push({x: base.x + far * Math.cos(angle), y: base.y + far * Math.sin(angle)});
      }
    }
    return list;
  }

  // gap is the widest angle around a node without another one or a label, which is below its node. A gap that was chosen before stays as long as no
  // other is much wider, so that nothing jumps.
  gap(base) {
    const {layout, stage} = this.graph, reach = layout.spacing * 2.2, before = this.angles.get(base.ordinal), below = layout.radius + 19;
    const labels = !stage.classList.contains("dense"), taken = labels ? [-.9, 0, .9].map(a => Math.PI / 2 + a) : [];
    for (const other of layout.nodes.values()) {
      const dx = other.x - base.x, dy = other.y - base.y;
      if (other === base || Math.hypot(dx, dy) >= reach) continue;
      taken.push(Math.atan2(dy, dx));
      if (labels) taken.push(Math.atan2(dy + below, dx));
    }
    if (!taken.length) taken.push(Math.PI / 2);
    taken.sort((a, b) => a - b);
    let best = null;
    taken.forEach((begin, i) => {
      const end = i + 1 < taken.length ? taken[i + 1] : taken[0] + 2 * Math.PI, span = end - begin;
      const inside = before !== undefined && ((before - begin) % (2 * Math.PI) + 2 * Math.PI) % (2 * Math.PI) < span, weight = span + (inside ? .5 : 0);
      if (!best || weight > best.weight + .05) best = {weight, span, middle: begin + span / 2};
    });
    this.angles.set(base.ordinal, best.middle);
    return best;
  }

  placeChannel(drawn) {
    const {channel} = drawn, from = this.nodes.get(channel.fromId)?.at, to = this.nodes.get(channel.toId)?.at;
    drawn.g.style.display = from && to ? "" : "none";
    if (!from || !to) return;
    // All channels of a pair bend from the same line, each further than the one before, to both sides in turn.
    const turned = channel.fromId > channel.toId ? -1 : 1, bend = turned * (drawn.nth % 2 ? -1 : 1) * (.14 + .1 * (drawn.nth >> 1));
    const middle = {x: (from.x + to.x) / 2 - (to.y - from.y) * bend, y: (from.y + to.y) / 2 + (to.x - from.x) * bend};
    const path = `M${from.x.toFixed(1)},${from.y.toFixed(1)}Q${middle.x.toFixed(1)},${middle.y.toFixed(1)} ${to.x.toFixed(1)},${to.y.toFixed(1)}`;
    drawn.hit.setAttribute("d", path);
    drawn.arc.setAttribute("d", path);
    const along = t => ["x", "y"].map(k => ((1 - t) ** 2 * from[k] + 2 * t * (1 - t) * middle[k] + t ** 2 * to[k]).toFixed(1));
    const bead = along(.2 + .6 * drawn.share), sign = along(.5);
    drawn.bead.setAttribute("cx", bead[0]);
    drawn.bead.setAttribute("cy", bead[1]);
    drawn.sign.setAttribute("x", sign[0]);
    drawn.sign.setAttribute("y", sign[1]);
  }

  // around is the rectangle around another one and the nodes.
  around(box) {
    const places = [...this.nodes.values()].map(d => d.at).filter(Boolean), margin = this.radius * 1.6;
    if (!box || !places.length) return box;
    const xs = places.map(p => p.x), ys = places.map(p => p.y);
    const x = Math.min(box.x, Math.min(...xs) - margin), y = Math.min(box.y, Math.min(...ys) - margin);
    return {x, y, width: Math.max(box.x + box.width, Math.max(...xs) + margin) - x, height: Math.max(box.y + box.height, Math.max(...ys) + margin) - y};
  }

  // choose marks an LND node with its channels, or those of a bitcoind node, and returns the bitcoind node that it uses.
  choose(chosen) {
    const near = new Set(), node = this.nodes.get(chosen);
    for (const [id, drawn] of this.nodes) if (drawn.on === chosen) near.add(id);
    for (const drawn of this.channels.values()) {
      const {fromId, toId} = drawn.channel, is = fromId === chosen || toId === chosen;
      drawn.g.classList.toggle("near", is);
      if (is) near.add(fromId === chosen ? toId : fromId);
    }
    for (const [id, drawn] of this.nodes) {
      drawn.g.classList.toggle("chosen", id === chosen);
      drawn.g.classList.toggle("near", near.has(id));
      drawn.uses.classList.toggle("near", id === chosen || drawn.on === chosen);
      drawn.g.setAttribute("aria-pressed", String(id === chosen));
    }
    if (node) this.rove(chosen);
    return node ? node.on : null;
  }

  rove(id) {
    for (const [other, drawn] of this.nodes) drawn.g.setAttribute("tabindex", id === other ? "0" : "-1");
  }

  focus(id) {
    this.rove(id);
    this.nodes.get(id)?.g.focus();
  }

  // key goes from LND node to LND node, and reports whether the key does something.
  key(event, at, direction) {
    const id = at.dataset.lnd, ids = [...this.nodes.keys()];
    if (event.key === "Enter" || event.key === " ") this.open(id);
    else if (event.key === "Escape") this.open(null);
    else if (event.key === "Home") this.focus(ids[0]);
    else if (event.key === "End") this.focus(ids.at(-1));
    else if (direction) {
      const placed = new Map([...this.nodes].filter(([, d]) => d.at).map(([other, d]) => [other, d.at])), next = ahead(placed, id, direction);
      if (next !== null) this.focus(next);
    } else return false;
    return true;
  }

  showTip(drawn) {
    const {node} = drawn, lines = [node.pod, lndState(node), `wallet ${balance(node, node.wallet)}`, `channels ${balance(node, node.channels)}`];
    this.graph.showTipAt(drawn.g, "LND " + node.id, node.alias ? [node.alias, ...lines] : lines);
  }
}

// keys are the items of the legend for what Lightning networks have.
export function keys(list, mark) {
  const kinds = new Set(list.flatMap(l => l.channels.map(c => c.kind))), items = [];
  const arc = (kind, more) => mark(svg("g", {class: "channel " + kind}, svg("path", {class: "arc", d: "M0,12Q12,2 24,12"}), more));
  const sign = kind => svg("text", {class: "sign", x: 12, y: 7, "font-size": 12}, signs[kind]);
  items.push([mark(svg("path", {class: "key-lnd", d: "M12,1L18.5,4.5V11.5L12,15L5.5,11.5V4.5Z"})), "LND"]);
  if (kinds.has("active")) items.push([arc("active", svg("circle", {class: "bead", cx: 15, cy: 7.3, r: 3})), "channel; the dot divides the balance"]);
  for (const [kind, text] of [["wanted", "channel wanted"], ["closing", "being closed"], ["lost", "lost"]]) if (kinds.has(kind)) items.push([arc(kind, sign(kind)), text]);
  return items;
}
