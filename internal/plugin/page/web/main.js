import {$, el, svg, text, short, moment} from "./dom.js";
import {Model, ranges} from "./model.js";
import {Stream, post, token} from "./stream.js";
import {Graph, shapes, shapePath} from "./graph.js";
import {LightningModel} from "./lnmodel.js";
import {keys} from "./lightning.js";
import {Detail, showOverview, showTable} from "./panel.js";
import {LNDDetail, announced, showLightnings, showTables, toggle as showToggle} from "./lnpanel.js";
import {ask, showActions} from "./actions.js";
import * as own from "./own.js";
import {setUp, signIn} from "./signin.js";
import {shared} from "./mode.js";

setUp();
const model = new Model(), lightning = new LightningModel();
// opened is the ordinal of a node, or the id of an LND node.
let opened = null, live = "connecting", why = "", due = false, tableDue = 0, network = null;
let fromTable = false, layer = true, lightnings = [];
const openNode = ordinal => {
  const before = opened;
  if (before === null) fromTable = ["rows", "lnds"].some(id => $(id).contains(document.activeElement));
  opened = ordinal;
  render();
  graph.choose(ordinal);
  if (ordinal !== null) detail.focus(fromTable || innerWidth < 960);
  else if (before !== null) back(before);
};
const confirm = (kind, node) => ask(kind, network, model.page.namespace, node);
const graph = new Graph(ordinal => toggle(ordinal));
const detail = new Detail(openNode, confirm), lndDetail = new LNDDetail(openNode);

const toggle = ordinal => openNode(ordinal === opened ? null : ordinal);

// back returns the focus to where a node was opened.
function back(ordinal) {
  const button = fromTable && document.querySelector(`#rows [data-id="${ordinal}"] button, #lnds [data-id="${ordinal}"] button`);
  if (button) button.focus();
  else graph.focus(ordinal);
}

const stream = new Stream((delta, event) => {
  if (event === "lightning") lightning.apply(delta);
  else for (const arrival of model.apply(delta)) graph.travel.arrive(arrival, model.values.get(`tip/${arrival.network}/${arrival.node}`));
  schedule();
}, delta => own.apply(delta, showActions), (state, reason) => {
  live = state;
  why = reason || "";
  if (state === "live") visible = ""; // which the server forgets with a stream
  if (state === "denied") denied(reason);
  schedule();
}, own.currentVisit);

// schedule draws once for all changes within a short time, so that the frames between are free for what moves. A tab in the background has
// no frames, and draws with its next one.
function schedule() {
  if (due) return;
  due = true;
  setTimeout(() => requestAnimationFrame(() => { due = false; render(); }), network ? 90 : 0);
}

const reasons = {right: "A right is missing", credentials: "Credentials have expired", unreachable: "No answer of the cluster"};

function render() {
  if ((model.partial || lightning.partial) && live === "live") return; // the rest comes at once
  chooseNetwork();
  network = model.network();
  lightnings = network ? lightning.of(network.name) : [];
  const states = {connecting: "Connecting…", live: "Live", lost: "Connection lost", denied: shared ? "Signed out" : "Not allowed"};
  const {stale} = model.page, state = live === "live" && stale ? "stale" : live, old = state !== "live" && state !== "connecting";
  $("live").dataset.live = state;
  text($("live-text"), state === "stale" ? reasons[stale.kind] || reasons.unreachable : states[state]);
  for (const part of ["stage", "nodes", "lightning"]) $(part).classList.toggle("stale", old);
  banner(old);
  empty(state);
  $("facts").hidden = $("state").hidden = !network;
  $("side").hidden = !network;
  if (!network) return vacate();
  facts();
  legend();
  showToggle(layer, lightnings);
  graph.update(network, layer ? lightnings : []);
  table();
  showOverview(network, model.events, confirm);
  showLightnings(lightnings);
  details();
  announce();
  document.body.dataset.ready = "true";
}

const nothing = {nodes: [], edges: [], sides: []};

// vacate takes out everything of a network that does not exist any more, or that another person has seen.
function vacate() {
  if (opened !== null) graph.choose(opened = null);
  detail.hide();
  lndDetail.leave();
  if (graph.network) graph.update(nothing, []);
  showLightnings([]);
  showTables([], openNode);
  showToggle(layer, []);
  $("rows").replaceChildren();
  previous = null;
}

// details shows the node that is open, or that none is.
function details() {
  const node = network.nodes.find(n => n.ordinal === opened), on = lightnings.find(l => l.nodes.some(n => n.id === opened));
  if (!on) lndDetail.leave();
  if (node) detail.show(node, {...network, assumed: network.edges.some(e => e.kind === "assumed")}, model.page.namespace);
  else if (on) {
    detail.leave();
    lndDetail.show(on.nodes.find(n => n.id === opened), on, model.page.namespace);
  } else {
    if (opened !== null) graph.choose(opened = null);
    detail.hide();
  }
}

$("ln-toggle").onclick = () => {
  layer = !layer;
  graph.moved = false;
  if (typeof opened === "string") openNode(null);
  else render();
};

// table brings the table up to date at most twice a second: nobody reads faster.
function table() {
  if (tableDue) return;
  tableDue = setTimeout(() => { tableDue = 0; if (network) { showTable(network, openNode); showTables(lightnings, openNode); } }, $("rows").firstChild ? 500 : 0);
}

function chooseNetwork() {
  const names = model.networks, wanted = new URLSearchParams(location.search).get("network");
  if (!names.includes(model.name) && names.length) model.name = names.includes(wanted) ? wanted : names[0];
  const select = $("networks");
  $("choose").hidden = names.length < 2;
  $("title").hidden = names.length > 1;
  const shown = names.includes(model.name) ? model.name : "btcnet";
  text($("title"), shown);
  document.title = shown + " · btcnet";
  if (select.dataset.names !== names.join()) {
    select.dataset.names = names.join();
    select.replaceChildren(...names.map(name => el("option", {}, name)));
  }
  if (model.name) select.value = model.name;
  if (model.name) stream.show(model.name);
}

$("networks").addEventListener("change", event => {
  model.name = event.target.value;
  opened = null;
  previous = null;
  graph.moved = false;
  stream.show(model.name);
  schedule();
});

// until is since when what the page shows may not be true any more.
const until = time => time ? ` What the page shows was true at ${moment(time)}.` : "";

function banner(old) {
  const words = [], {stale} = model.page;
  if (live === "lost" && why) words.push(sentence(why) + " The page tries again by itself." + until(stream.heard));
  else if (live === "lost" && shared) words.push("The connection with the page's server is lost; the page continues by itself." + until(stream.heard)); // it may be an upgrade
  else if (live === "lost") words.push("The connection with kubectl btcnet ui is lost. If its command has ended, start it again and open the new address; otherwise the page continues by itself." + until(stream.heard));
  else if (stale && live === "live") words.push(sentence(stale.reason) + until(stale.since) + " It continues by itself when this is mended.");
  for (const right of model.page.missing || []) words.push("Something is missing here: " + right + ".");
  const without = model.page.noLightning || model.page.lightning && lightning.denied;
  if (without) words.push(`Lightning networks are not shown: ${without}.`);
  if (network && network.edges.some(e => e.kind === "assumed")) words.push("The operator of this cluster is older than the plugin and does not report connections: the dashed edges are those that the topology specifies.");
  $("banner").hidden = !words.length || live === "denied";
  $("banner").classList.toggle("bad", old);
  if ($("banner").dataset.words !== words.join("\n")) {
    $("banner").dataset.words = words.join("\n");
    $("banner").replaceChildren(...words.map(w => el("p", {}, w)));
  }
}

const sentence = words => { const text = words.trim(); return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : "."); };

function empty(state) {
  const show = (title, more, code) => { text($("empty-title"), title); text($("empty-text"), more); text($("empty-code"), code); $("empty-code").hidden = !code; };
  const {namespace, only, tooLarge} = model.page;
  if (state === "denied") return;
  $("empty").hidden = Boolean(network && network.nodes.length);
  if (!namespace) show(why ? "Not connected" : "Connecting…", why ? sentence(why) : shared ? "The page waits for the first answer of its server." : "The page waits for the first answer of kubectl btcnet ui.", "");
  else if (tooLarge) show("The networks of this namespace are not shown", sentence(tooLarge), "");
  else if (!network) show(only ? `The network ${only} does not exist` : "No network in this namespace", "It appears here as soon as it is created.", `kubectl btcnet create ${only || "my-network"} --namespace ${namespace} --nodes 5 --topology ring`);
  else if (!network.nodes.length) show("The network has no nodes", "It is scaled to 0.", `kubectl scale btcnet ${network.name} --namespace ${namespace} --replicas=3`);
}

function denied(reason) {
  if (shared) {
    signIn(reason && reason.trim() + until(stream.heard).replace(/^ /, ". "), namespace => {
      live = "connecting";
      why = "";
      for (const values of [model, lightning]) values.apply({snapshot: true}); // those before were for another token, whose owner may be another person
      stream.watch(namespace);
      render();
    });
    return;
  }
  $("empty").hidden = false;
  text($("empty-title"), token ? "This page's token is not valid" : "This page has no token");
  text($("empty-text"), reason || "Open the address that kubectl btcnet ui printed.");
  $("empty-code").hidden = true;
}

function facts() {
  text($("state"), network.state);
  $("state").classList.toggle("good", network.good);
  const ready = network.nodes.filter(n => n.ready).length, exists = network.edges.filter(e => e.kind === "").length, wanted = network.edges.filter(e => e.kind !== "surplus").length;
  const pools = network.nodes.filter(n => n.mempool).map(n => n.mempool.size), most = Math.max(...pools);
  const set = (id, value, mark) => { text($(id), value); $(id).className = mark || ""; };
  set("fact-height", network.height);
  set("fact-nodes", `${ready}/${network.size}`, ready < network.size ? "bad" : "");
  set("fact-connections", network.edges.some(e => e.kind === "assumed") ? network.connections : `${exists}/${wanted}`, exists < wanted ? "warn" : "");
  set("fact-branches", network.branches.length, network.branches.length > 1 ? "warn" : "");
  if ($("fact-mempool")) set("fact-mempool", pools.length ? `${most ? "up to " : ""}${most} tx` : "–");
}

function legend() {
  const key = (shape, words) => el("li", {}, shape, words), items = [], mark = (...children) => svg("svg", {viewBox: "0 0 24 16", "aria-hidden": "true"}, ...children);
  for (const b of network.branches) items.push(key(el("span", {class: "swatch b" + b.number % 6}), network.branches.length > 1 ? `branch ${b.number + 1} ${short(b.hash)}` : "on the best block"));
  if (network.branches.some(b => b.behind.length)) items.push(key(el("span", {class: "swatch behind b0"}), "behind"));
  if (network.nodes.some(n => !n.ready)) items.push(key(el("span", {class: "swatch lost"}), "not ready"));
  (network.groups || []).forEach((group, i) => items.push(key(mark(svg("path", {class: "key-shape", d: shapePath(shapes[1 + i % (shapes.length - 1)], 6), transform: "translate(12,8)"})), "group " + group)));
  items.push(key(mark(svg("line", {class: "key-edge", x1: 0, y1: 8, x2: 24, y2: 8})), "connection"));
  if (network.edges.some(e => e.kind === "missing")) items.push(key(mark(svg("line", {class: "key-missing", x1: 0, y1: 8, x2: 24, y2: 8})), "missing"));
  if (network.edges.some(e => e.kind === "surplus")) items.push(key(mark(svg("line", {class: "key-surplus", x1: 0, y1: 8, x2: 24, y2: 8})), "not in the topology"));
  if (network.nodes.some(n => n.mempool && n.mempool.size)) items.push(key(mark(svg("path", {class: "key-pool", d: "M12,1a7,7 0 1,1 -7,7"})), "mempool"));
  if (layer && lightnings.length) for (const [shape, words] of keys(lightnings, mark)) items.push(key(shape, words));
  const words = items.map(i => i.textContent + i.firstChild.getAttribute("class")).join();
  if ($("legend").dataset.mark !== words) { $("legend").dataset.mark = words; $("legend").replaceChildren(...items); }
}

let previous = null, waiting = null;

// announce reads out what has changed, at most every three seconds.
function announce() {
  if (waiting) return;
  const now = {name: network.name, height: network.height, sides: network.sides.length, lost: network.nodes.filter(n => !n.ready).map(n => n.ordinal), channels: announced(lightnings)};
  const words = [];
  if (previous && previous.name === now.name) {
    if (now.height !== previous.height) words.push(`Height ${now.height}.`);
    const lost = now.lost.filter(o => !previous.lost.includes(o)), back = previous.lost.filter(o => !now.lost.includes(o));
    if (lost.length) words.push(`Lost: nodes ${ranges(lost)}.`);
    if (back.length) words.push(`Back: nodes ${ranges(back)}.`);
    if (now.sides !== previous.sides) words.push(now.sides > 1 ? `The network has ${now.sides} parts without a connection.` : "The network is connected.");
  }
  if (previous && previous.name === now.name) words.push(...now.channels.filter(c => !previous.channels.includes(c)));
  previous = now;
  if (!words.length) return;
  $("announce").textContent = words.join(" ");
  waiting = setTimeout(() => { waiting = null; if (network) announce(); }, 3000);
}

// visible reports which nodes are on the screen, so that their mempools come first.
let visible = "";
setInterval(() => {
  if (shared || !network || live !== "live" || document.hidden) return;
  const list = graph.visible(), words = network.name + list.join();
  if (words === visible) return;
  visible = words;
  post("/api/visible", {network: network.name, nodes: list.join()}).catch(() => { visible = ""; });
}, 2000);

document.addEventListener("keydown", event => { if (event.key === "Escape" && opened !== null && !$("dialog")?.open) openNode(null); });

if (!token) { live = "denied"; denied(""); }
else stream.show("");
schedule();
