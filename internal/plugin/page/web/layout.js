// Where nodes are. The layout is the simulation of d3; each side of a partition has a place of its own, so that there is a gap between them.
const d3 = globalThis.d3;

export class Layout {
  constructor(moved) {
    this.nodes = new Map();
    this.simulation = d3.forceSimulation([]).on("tick", moved).stop();
    this.structure = "";
  }

  // set takes over a network; it moves, and returns true, only when its shape or that of the window has changed.
  set(network, tall, still) {
    const structure = JSON.stringify([network.name, network.sides, network.edges.filter(e => e.kind !== "surplus").map(e => e.id), tall, network.topology]);
    if (structure === this.structure) return false;
    const first = this.structure === "" || this.name !== network.name;
    this.structure = structure;
    this.name = network.name;
    if (first) this.nodes.clear();
    const count = network.nodes.length;
    this.radius = count <= 10 ? 24 : count <= 24 ? 19 : count <= 60 ? 15 : count <= 150 ? 12 : 8;
    const ids = new Set(network.nodes.map(n => n.ordinal));
    for (const id of this.nodes.keys()) if (!ids.has(id)) this.nodes.delete(id);
    this.aim(network, tall);
    this.forces(network, count);
    this.simulation.alpha(first ? 1 : .7);
    if (first || still || count > 200) {
      this.simulation.stop();
      this.simulation.tick(count > 200 ? 60 : 200);
      this.simulation.alpha(still || count > 200 ? 0 : .05);
    }
    this.simulation.restart();
    return true;
  }

  // aim gives each node the place that it is drawn to.
  aim(network, tall) {
    const spacing = this.radius * (network.nodes.length <= 12 ? 4.6 : 3.4);
    const circular = ["Ring", "Mesh", "Line", "Star"].includes(network.topology) || network.nodes.length <= 8;
    const degree = new Map();
    for (const e of network.edges) for (const i of [e.from, e.to]) degree.set(i, (degree.get(i) || 0) + 1);
    const hub = network.topology === "Star" ? [...degree].sort((a, b) => b[1] - a[1])[0]?.[0] : undefined;
    let offset = 0;
    for (const side of network.sides) {
      const around = side.filter(i => i !== hub);
      const reach = side.length === 1 ? 0 : circular ? Math.max(spacing * 1.1, spacing * around.length / (2 * Math.PI)) : spacing * Math.sqrt(side.length) * .72;
      const center = offset + reach;
      offset += 2 * reach + spacing * 2.6;
      side.forEach(i => {
        const angle = 2 * Math.PI * around.indexOf(i) / around.length - Math.PI / 2;
        const far = !circular ? reach * .6 : i === hub ? 0 : reach;
        const [along, across] = [center + far * Math.cos(angle), far * Math.sin(angle)];
        const node = this.nodes.get(i) || {ordinal: i, x: undefined};
        node.center = tall ? [0, center] : [center, 0];
        node.aim = tall ? [across, along] : [along, across];
        if (node.x === undefined) [node.x, node.y] = node.aim;
        this.nodes.set(i, node);
      });
    }
    this.circular = circular;
    this.spacing = spacing;
  }

  forces(network, count) {
    const nodes = [...this.nodes.values()];
    const links = network.edges.filter(e => e.kind !== "surplus" && this.nodes.has(e.from) && this.nodes.has(e.to)).slice(0, 4000)
      .map(e => ({source: this.nodes.get(e.from), target: this.nodes.get(e.to)}));
    const at = this.circular ? "aim" : "center", pull = this.circular ? .35 : .07 + .1 / Math.sqrt(count);
    this.simulation.nodes(nodes)
      .force("x", d3.forceX(n => n[at][0]).strength(pull))
      .force("y", d3.forceY(n => n[at][1]).strength(pull))
      .force("apart", d3.forceCollide(this.radius * (count <= 40 ? 2.5 : 1.75)))
      .force("link", this.circular ? null : d3.forceLink(links).distance(this.spacing * (count <= 40 ? 1.45 : 1.1)))
      .force("charge", this.circular ? null : d3.forceManyBody().strength(-this.spacing * 5).distanceMax(this.spacing * 12));
  }

  // box is the rectangle around nodes.
  box(ordinals, margin) {
    const nodes = ordinals.map(i => this.nodes.get(i)).filter(Boolean);
    if (!nodes.length) return null;
    const xs = nodes.map(n => n.x), ys = nodes.map(n => n.y);
    const x = Math.min(...xs) - margin, y = Math.min(...ys) - margin;
    return {x, y, width: Math.max(...xs) + margin - x, height: Math.max(...ys) + margin - y};
  }
}

// ahead is the nearest of other places in a direction, null for none.
export function ahead(places, id, direction) {
  const from = places.get(id);
  let best = null, least = Infinity;
  for (const [other, n] of places) {
    const dx = n.x - from.x, dy = n.y - from.y, along = dx * direction[0] + dy * direction[1], aside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
    if (other !== id && along > 1 && along + 2.2 * aside < least) [best, least] = [other, along + 2.2 * aside];
  }
  return best;
}
