// The panel beside the graph: the network with its events, or one node with its log.
import {$, el, text, keyed, short, clock} from "./dom.js";
import {ordinals, ranges, stateOf, branchClass} from "./model.js";
import {follow} from "./own.js";
import {shared} from "./mode.js";

export function showOverview(network, events, ask) {
  const versions = new Map();
  for (const n of network.nodes) if (n.version) versions.set(n.version, [...versions.get(n.version) || [], n.ordinal]);
  const facts = [["Topology", network.topology]];
  if (network.mining) facts.push(["Mining", network.mining]);
  for (const [version, list] of versions) facts.push(["Version", versions.size > 1 ? `${version} (nodes ${ranges(list)})` : version]);
  for (const group of network.groups || []) facts.push(["Group " + group, "nodes " + ranges(network.nodes.filter(n => n.group === group).map(n => n.ordinal))]);
  if (network.branches.length > 1) for (const b of network.branches) facts.push([`Branch ${b.number + 1}`, `height ${b.height}, nodes ${ranges(b.nodes)}`, "b" + b.number % 6]);
  for (const peer of network.foreign || []) facts.push(["From outside", `${peer.version || "a peer"} at ${peer.address}, with nodes ${ranges(ordinals(peer.nodes))}`]);
  const mark = JSON.stringify(facts);
  if ($("about").dataset.mark !== mark) {
    $("about").dataset.mark = mark;
    $("about").replaceChildren(el("dl", {class: "about"}, ...facts.flatMap(([name, value, branch]) =>
      [el("dt", {}, name), el("dd", {}, branch ? el("span", {class: "swatch " + branch}) : null, value)])));
  }
  $("message").hidden = network.good || !network.message;
  text($("message"), network.message || "");
  for (const button of $("actions")?.children || []) button.onclick = () => ask(button.dataset.action);
  keyed($("events"), events.slice(0, 60), e => e.id, e => [e.time, e.count || 0, e.reason, e.note].join(" "), e => el("li", {class: e.warning ? "warning" : null},
    el("span", {class: "when"}, clock(e.time)), el("span", {class: "reason"}, e.reason), e.count > 1 ? ` ×${e.count}` : null, el("p", {}, e.note)));
  if (!events.length) $("events").replaceChildren(el("li", {}, el("p", {}, "No events in the last hour.")));
}

export class Detail {
  constructor(open, ask) {
    this.open = open;
    this.ask = ask;
    this.root = $("detail");
  }

  show(node, network, namespace) {
    const changed = this.ordinal !== node.ordinal || this.network !== network.name;
    this.root.hidden = false;
    $("overview").hidden = true;
    if (changed) this.build(node, network, namespace);
    this.facts(node, network);
    if (this.log && (changed || this.pod !== node.pod + node.started)) this.follow(node, network);
    this.pod = node.pod + node.started;
  }

  hide() {
    this.root.hidden = true;
    $("overview").hidden = false;
    this.leave();
  }

  // leave is called when the place shows something else.
  leave() {
    if (this.log) follow("", 0, null);
    this.ordinal = this.log = null;
  }

  // focus is for those who go on with the keyboard or listen; on a phone the details are below the graph.
  focus(scroll) { $("detail-title")?.focus({preventScroll: !scroll}); }

  build(node, network, namespace) {
    Object.assign(this, {ordinal: node.ordinal, network: network.name, mark: null});
    const at = `${network.name}/${node.ordinal}`, space = ` --namespace ${namespace}`;
    const commands = [`kubectl btcnet cli${space} ${at} getblockchaininfo`, `kubectl btcnet cli${space} ${at} getpeerinfo`, `kubectl btcnet logs${space} ${at} -f`,
      `kubectl btcnet connect${space} ${at}`];
    this.list = el("dl", {class: "about"});
    // Without a right to read logs and to act there is neither a place for them nor a button.
    const act = (words, kind) => el("button", {type: "button", onclick: () => this.ask(kind, node.ordinal)}, words);
    const actions = shared ? [] : [el("div", {class: "actions", role: "group", "aria-label": "Actions on the node"}, act("Mine here…", "mine"), act("Pause…", "pause"))];
    this.log = shared ? null : el("pre", {class: "log", role: "log", "aria-live": "off", tabindex: "0", "aria-label": "Log of the node"});
    this.root.replaceChildren(
      el("div", {class: "head"}, el("h2", {id: "detail-title", tabindex: "-1"}, "Node " + node.ordinal), el("button", {type: "button", id: "detail-close", onclick: () => this.open(null)}, "Close")),
      this.list,
      ...actions,
      el("h2", {}, "Commands"),
      el("ul", {class: "lines"}, ...commands.map(command => el("li", {}, el("code", {}, command), copyButton(command)))),
      ...this.log ? [el("h2", {}, "Log"), this.log] : []);
  }

  facts(node, network) {
    const peers = ordinals(node.peered);
    const lacking = lackingOf(node);
    const facts = [["Pod", node.pod], ["State", stateOf(node)]];
    if (node.group) facts.push(["Group", node.group]);
    if (node.tip) facts.push(["Height", String(node.tip.height)], ["Best block", node.tip.hash, "mono"], ["Blocks heard", node.tip.heard ? "from the node itself" : "from the operator"]);
    facts.push(["Peers", peers]);
    if (lacking.length && network.assumed === false) facts.push(["Not with", ranges(lacking)]);
    if (node.foreign) facts.push(["From outside", `${node.foreign} ${node.foreign === 1 ? "peer" : "peers"}`]);
    if (node.mempool) facts.push(["Mempool", `${node.mempool.size} transactions, ${node.mempool.bytes} bytes`]);
    if (node.version) facts.push(["Version", node.version]);
    const mark = JSON.stringify(facts);
    if (mark === this.mark) return;
    this.mark = mark;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.list.replaceChildren(...facts.flatMap(([name, value, style]) => [el("dt", {}, name), el("dd", {class: style}, ...(Array.isArray(value) ? this.peers(value) : [value]))]));
    if (focused) [...this.list.querySelectorAll("button")].find(b => b.textContent === focused)?.focus();
  }

  peers(list) {
    if (!list.length) return ["none"];
    const shown = list.slice(0, 60).flatMap((o, i) => [i ? ", " : "", el("button", {type: "button", class: "plain", "aria-label": "Node " + o, onclick: () => this.open(o)}, String(o))]);
    return list.length > 60 ? [...shown, ` and ${list.length - 60} more`] : shown;
  }

  // follow shows the log until another node is opened.
  follow(node, network) {
    const {log} = this;
    follow(network.name, node.ordinal, line => {
      if (line === null) {
        log.textContent = "";
        return;
      }
      const bottom = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
      log.append(line + "\n");
      while (log.childNodes.length > 400) log.firstChild.remove();
      if (bottom) log.scrollTop = log.scrollHeight;
    });
  }
}

export function copyButton(command) {
  const button = el("button", {type: "button", "aria-label": "Copy " + command}, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousSibling);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

// lackingOf are the nodes with which a ready one should be connected, and is not.
function lackingOf(node) {
  const peers = ordinals(node.peered);
  return node.ready ? ordinals(node.wanted).filter(o => !peers.includes(o)) : [];
}

// showTable shows what the graph does, in words. Roles are named, because a phone's style takes away those of the elements.
export function showTable(network, open) {
  const several = network.branches.length > 1, assumed = network.edges.some(e => e.kind === "assumed");
  keyed($("rows"), network.nodes, n => n.ordinal, n => JSON.stringify([n, network.name, several, assumed]), n => {
    const cell = (name, ...content) => el("td", {role: "cell", "data-name": name}, ...content), lacking = assumed ? [] : lackingOf(n);
    const swatch = el("span", {class: ["swatch", n.ready ? branchClass(n.tip) : "lost", n.tip && n.tip.behind ? "behind" : ""].join(" ").trim(), "aria-hidden": "true"});
    return el("tr", {role: "row", class: n.ready ? null : "lost"},
      el("th", {scope: "row", role: "rowheader"}, el("button", {type: "button", class: "plain", onclick: () => open(n.ordinal), "aria-label": `Open node ${n.ordinal}, ${n.pod}`}, `${n.ordinal}`)),
      cell("Pod", n.pod), cell("State", swatch, stateOf(n)), cell("Height", n.tip ? n.tip.height : "–"),
      cell("Best block", several && n.tip ? `branch ${n.tip.branch + 1} ` : "", el("span", {class: "mono"}, n.tip ? short(n.tip.hash) : "–")),
      cell("Connected with", (ranges(ordinals(n.peered)) || "none") + (lacking.length ? `; not with ${ranges(lacking)}` : "")),
      ...shared ? [] : [cell("Mempool", n.mempool ? n.mempool.size : "–")], cell("Group", n.group || "–"), cell("Version", n.version || "–"));
  });
}
