// What the page knows, and what follows from it. Nothing here touches the document.

// ordinals reads a set such as 0-3,7.
export function ordinals(text) {
  const list = [];
  for (const part of (text || "").split(",")) {
    const [first, last] = part.split("-").map(Number);
    if (part === "" || !Number.isInteger(first)) continue;
    for (let i = first; i <= (last ?? first) && list.length < 500; i++) list.push(i);
  }
  return list;
}

// ranges writes a set as people read it.
export function ranges(list) {
  const sorted = [...list].sort((a, b) => a - b), parts = [];
  for (let i = 0, j; i < sorted.length; i = j + 1) {
    for (j = i; sorted[j + 1] === sorted[j] + 1;) j++;
    parts.push(i === j ? sorted[i] : j === i + 1 ? sorted[i] + ", " + sorted[j] : sorted[i] + "–" + sorted[j]);
  }
  return parts.join(", ");
}

const key = (a, b) => a < b ? a * 1000 + b : b * 1000 + a;

// Values are those of one store of the server, by key.
export class Values {
  constructor() {
    this.values = new Map();
    // partial is true while the rest of the values is on its way.
    this.partial = false;
  }

  // apply takes over a difference, and returns what has happened meanwhile.
  apply(delta) {
    this.partial = Boolean(delta.more);
    if (delta.snapshot) this.values.clear();
    for (const gone of delta.gone || []) this.values.delete(gone);
    for (const [at, value] of Object.entries(delta.set || {})) this.values.set(at, value);
    return delta.moments || [];
  }
}

export class Model extends Values {
  constructor() {
    super();
    this.name = null;
  }

  get page() { return this.values.get("page") || {}; }

  get networks() {
    return [...this.values.keys()].filter(at => at.startsWith("network/")).map(at => at.slice(8)).sort();
  }

  get events() {
    return [...this.values].filter(([at, event]) => at.startsWith("event/") && event.network === this.name).map(([at, event]) => ({...event, id: at})).sort((a, b) => b.time - a.time);
  }

  // network is the shown network with its nodes and edges; null if there is none.
  network() {
    const summary = this.values.get("network/" + this.name);
    if (!summary) return null;
    const nodes = [];
    for (let i = 0; i < summary.nodes; i++) {
      const node = this.values.get(`node/${this.name}/${i}`);
      if (node) nodes.push({...node, tip: this.values.get(`tip/${this.name}/${i}`), mempool: this.values.get(`mempool/${this.name}/${i}`)});
    }
    const edges = edgesOf(nodes, summary);
    return {
      ...summary, nodes, edges, size: summary.nodes, sides: sidesOf(nodes, edges), wantedSides: summary.sides || [],
      height: Math.max(summary.height, ...nodes.map(n => n.tip ? n.tip.height : 0)),
      branches: branchesOf(nodes),
    };
  }
}

// edgesOf are the connections that exist, and those that should: each with from < to.
function edgesOf(nodes, summary) {
  const wanted = new Set(), edges = [], seen = new Set();
  for (const n of nodes) for (const m of ordinals(n.wanted)) wanted.add(key(n.ordinal, m));
  const add = (n, m, kind) => {
    const at = key(n, m);
    if (seen.has(at) || n === m || m >= summary.nodes) return;
    seen.add(at);
    edges.push({id: at, from: Math.min(n, m), to: Math.max(n, m), kind});
  };
  for (const n of nodes) for (const m of ordinals(n.peered)) add(n.ordinal, m, wanted.has(key(n.ordinal, m)) ? "" : "surplus");
  for (const n of nodes) for (const m of ordinals(n.wanted)) add(n.ordinal, m, summary.edges ? "missing" : "assumed");
  return edges;
}

// sidesOf are the parts of the network that are connected. A node without any connection stays where it belongs by the topology: it starts, or
// is lost or paused.
function sidesOf(nodes, edges) {
  const degree = new Map(), parent = new Map(nodes.map(n => [n.ordinal, n.ordinal]));
  const root = i => { while (parent.get(i) !== i) i = parent.get(i); return i; };
  const exists = e => e.kind !== "missing";
  for (const e of edges) if (exists(e)) for (const i of [e.from, e.to]) degree.set(i, (degree.get(i) || 0) + 1);
  for (const e of edges) {
    if (!exists(e) && degree.get(e.from) && degree.get(e.to)) continue;
    const a = root(e.from), b = root(e.to);
    if (parent.has(e.from) && parent.has(e.to) && a !== b) parent.set(Math.max(a, b), Math.min(a, b));
  }
  const sides = new Map();
  for (const n of nodes) {
    const at = root(n.ordinal);
    if (!sides.has(at)) sides.set(at, []);
    sides.get(at).push(n.ordinal);
  }
  return [...sides.values()].sort((a, b) => a[0] - b[0]);
}

// branchesOf are the branches that ready nodes are on, with the highest block of each.
function branchesOf(nodes) {
  const branches = new Map();
  for (const n of nodes) {
    if (!n.ready || !n.tip) continue;
    const branch = branches.get(n.tip.branch) || {number: n.tip.branch, height: 0, nodes: [], behind: []};
    branches.set(n.tip.branch, branch);
    branch.nodes.push(n.ordinal);
    if (n.tip.behind) branch.behind.push(n.ordinal);
    if (n.tip.height >= branch.height && !n.tip.behind) Object.assign(branch, {height: n.tip.height, hash: n.tip.hash});
  }
  return [...branches.values()].sort((a, b) => a.number - b.number);
}

// stateOf is the state of a node in words.
export function stateOf(node) {
  if (!node.ready) return node.problem || "not ready";
  if (!node.tip) return "ready";
  return node.tip.behind ? "ready, behind" : "ready";
}

export const colors = 6;
export const branchClass = tip => tip ? "b" + tip.branch % colors : "";
