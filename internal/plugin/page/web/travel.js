// Blocks that travel: each arrival that a node announces becomes a spark on the edge that the block probably took. The order is that of the
// announcements; the time is stretched, because on one machine a block needs milliseconds.
//
// They are drawn on a canvas above the graph: to move one element of an SVG, a browser draws all of it again.
import {$} from "./dom.js";
import {branchClass} from "./model.js";

const hop = 420, fading = 900, maxBlocks = 3, maxSparks = 800, kept = 24;

export class Travel {
  constructor(graph) {
    this.graph = graph;
    this.blocks = new Map();
    this.sparks = new Set();
    this.rings = new Map();
    this.canvas = $("motion");
    this.canvas.dataset.sparks = 0;
  }

  // arrive comes before the graph gets the new best block of the node, which it shows when the spark arrives.
  arrive(moment, tip) {
    const {graph} = this;
    if (!graph.network || moment.network !== graph.network.name) return;
    const drawn = graph.nodes.get(moment.node);
    if (!drawn) return;
    const now = performance.now();
    let block = this.blocks.get(moment.hash);
    if (!block) {
      block = {start: now, depth: new Map(), end: now};
      this.blocks.set(moment.hash, block);
      if (this.blocks.size > kept) this.blocks.delete(this.blocks.keys().next().value);
    }
    if (block.depth.has(moment.node)) return;
    const from = this.nearest(block, moment.node), depth = from === null ? 0 : block.depth.get(from) + 1;
    block.depth.set(moment.node, depth);
    const busy = [...this.blocks.values()].filter(b => b.end > now).length > maxBlocks;
    if (from === null || graph.still.matches || busy || document.hidden || this.sparks.size > maxSparks) {
      this.ring(moment.node, tip, depth === 0);
      return;
    }
    const begin = Math.max(now, block.start + (depth - 1) * hop), end = begin + hop;
    block.end = Math.max(block.end, end);
    drawn.held ||= {tip: drawn.node.tip, until: end};
    drawn.held.until = Math.max(drawn.held.until, end);
    this.sparks.add({tip, from, to: moment.node, begin, end});
    this.canvas.dataset.sparks++;
    this.run();
  }

  // nearest is the neighbour with the block to which it came by the fewest hops, null if none has it.
  nearest(block, node) {
    let best = null;
    for (const edge of this.graph.network.edges) {
      if (edge.kind === "missing") continue;
      const other = edge.from === node ? edge.to : edge.to === node ? edge.from : null;
      if (other !== null && block.depth.has(other) && (best === null || block.depth.get(other) < block.depth.get(best))) best = other;
    }
    return best;
  }

  ring(node, tip, first) {
    if (document.hidden) return;
    this.rings.set(node, {tip, begin: performance.now(), width: first ? 5 : 3});
    this.run();
  }

  run() {
    if (this.frame) return;
    const step = now => {
      for (const spark of this.sparks) if (now >= spark.end) this.land(spark, now);
      for (const [node, ring] of this.rings) if (now >= ring.begin + fading) this.rings.delete(node);
      this.draw(now);
      this.frame = this.sparks.size || this.rings.size ? requestAnimationFrame(step) : 0;
      this.canvas.dataset.moving = Boolean(this.frame);
    };
    this.frame = requestAnimationFrame(step);
  }

  // land lets the node show the block.
  land(spark, now) {
    this.sparks.delete(spark);
    const drawn = this.graph.nodes.get(spark.to);
    if (!drawn) return;
    if (drawn.held && now >= drawn.held.until) drawn.held = null;
    this.graph.show(drawn);
    this.ring(spark.to, spark.tip, false);
  }

  draw(now) {
    const {canvas, graph} = this, ratio = devicePixelRatio, [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
    if (canvas.width !== Math.round(width) || canvas.height !== Math.round(height)) [canvas.width, canvas.height] = [width, height];
    const pen = canvas.getContext("2d"), view = globalThis.d3.zoomTransform(graph.root), style = getComputedStyle(document.documentElement);
    const color = tip => style.getPropertyValue("--branch-" + (branchClass(tip) || "b0").slice(1));
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.setTransform(ratio * view.k, 0, 0, ratio * view.k, ratio * view.x, ratio * view.y);
    const circle = (x, y, r) => { pen.beginPath(); pen.arc(x, y, r, 0, 2 * Math.PI); };
    for (const [node, ring] of this.rings) {
      const at = graph.layout.nodes.get(node), part = graph.still.matches ? .3 : Math.max(0, now - ring.begin) / fading; // a frame is as of its start, which may be earlier
      if (!at) continue;
      pen.globalAlpha = Math.max(0, 1 - part);
      pen.lineWidth = ring.width;
      pen.strokeStyle = color(ring.tip);
      circle(at.x, at.y, graph.layout.radius * (1.1 + part));
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.lineWidth = 1.5;
    pen.strokeStyle = style.getPropertyValue("--back");
    for (const spark of this.sparks) {
      const a = graph.layout.nodes.get(spark.from), b = graph.layout.nodes.get(spark.to), part = (now - spark.begin) / hop;
      if (!a || !b || part < 0) continue;
      const eased = part * part * (3 - 2 * part);
      pen.fillStyle = color(spark.tip);
      circle(a.x + (b.x - a.x) * eased, a.y + (b.y - a.y) * eased, Math.max(4, graph.layout.radius * .3));
      pen.fill();
      pen.stroke();
    }
  }
}
