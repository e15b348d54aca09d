// Lightning networks in words: beside the events, as tables, and the details of one node.
import {$, el, keyed} from "./dom.js";
import {balance, channelsOf, channelWords, lndState, sat} from "./lnmodel.js";
import {copyButton} from "./panel.js";

// showLightnings shows the state of each Lightning network with its conditions.
export function showLightnings(list) {
  keyed($("lightnings"), list, l => l.name, l => JSON.stringify({...l, nodes: 0, channels: 0}), l => {
    const facts = [["Nodes ready", `${l.ready}/${l.size}`], ["Channels active", `${l.active}/${l.desired}`]];
    for (const c of l.conditions || []) facts.push([c.type, `${c.status}, ${c.reason}${c.message ? `: ${c.message}` : ""}`]);
    return el("section", {}, el("h2", {}, `Lightning network ${l.name} `, el("span", {class: l.good ? "pill good" : "pill"}, l.state)),
      l.good || !l.message ? null : el("p", {class: "note"}, l.message),
      el("dl", {class: "about"}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])));
  });
}

const cell = (name, ...content) => el("td", {role: "cell", "data-name": name}, ...content);

// showTables shows nodes and channels in words. Roles are named, because a phone's style takes away those of the elements.
export function showTables(list, open) {
  $("lightning").hidden = !list.length;
  const button = (id, words, label) => el("button", {type: "button", class: "plain", onclick: () => open(id), "aria-label": label}, words);
  keyed($("lnds"), list.flatMap(l => l.nodes), n => n.id, n => JSON.stringify(n), n => el("tr", {role: "row", class: n.ready ? null : "lost"},
    el("th", {scope: "row", role: "rowheader"}, button(n.id, n.id, `Open LND ${n.id}, ${n.pod}`)),
    cell("Alias", n.alias || "–"), cell("State", lndState(n)), cell("Uses node", n.bitcoin < 0 ? "–" : n.bitcoin), cell("Height", n.height || "–"),
    cell("Wallet", balance(n, n.wallet)), cell("In channels", balance(n, n.channels)), cell("Public key", el("span", {class: "mono"}, (n.pubkey || "–").slice(0, 16)))));
  const channels = list.flatMap(l => l.channels);
  $("channels").hidden = !channels.length;
  keyed($("channel-rows"), channels, c => c.id, c => JSON.stringify(c), c => el("tr", {role: "row", class: c.kind === "active" ? null : "lost"},
    el("th", {scope: "row", role: "rowheader"}, `${c.fromId} – ${c.to}`),
    cell("State", channelWords(c), c.private ? ", private" : ""), cell("Capacity", sat(c.capacity)), cell("Balance of the first", sat(c.fromBalance)),
    cell("Balance of the second", sat(c.toBalance)), cell("Short id", c.shortID || "–"), cell("Message", c.message || "–")));
}

export class LNDDetail {
  // open is called with the id of an LND node, the ordinal of a bitcoind node, or null.
  constructor(open) {
    this.open = open;
    this.root = $("detail");
    this.leave();
  }

  // leave is called when the place shows something else.
  leave() { this.id = this.mark = null; }

  show(node, lightning, namespace) {
    this.root.hidden = false;
    $("overview").hidden = true;
    if (this.id !== node.id) this.build(node, lightning, namespace);
    const channels = channelsOf(node, lightning), mark = JSON.stringify([node, channels]);
    if (mark === this.mark) return;
    this.mark = mark;
    const focused = this.root.contains(document.activeElement) && document.activeElement.dataset.to;
    this.facts(node);
    this.showChannels(channels, lightning);
    if (focused) [...this.root.querySelectorAll("[data-to]")].find(b => b.dataset.to === focused)?.focus();
  }

  build(node, lightning, namespace) {
    this.leave();
    this.id = node.id;
    const at = `--namespace ${namespace}`, other = lightning.nodes.find(n => n.id !== node.id);
    const commands = [`kubectl exec ${at} ${node.pod} -- lncli getinfo`, `kubectl exec ${at} ${node.pod} -- lncli listchannels`, `kubectl btcnet ln balances ${at} ${lightning.name}`,
      `kubectl btcnet ln channels ${at} ${lightning.name}`, `kubectl btcnet ln invoice ${at} ${node.id} 1000`];
    if (other) commands.push(`kubectl btcnet ln pay ${at} ${lightning.name} ${node.ordinal} ${other.ordinal} 1000`);
    commands.push(`kubectl btcnet ln connect ${at} ${node.id}`);
    this.list = el("dl", {class: "about"});
    this.channels = el("ul", {class: "channel-list"});
    this.root.replaceChildren(
      el("div", {class: "head"}, el("h2", {id: "detail-title", tabindex: "-1"}, "LND " + node.id), el("button", {type: "button", id: "detail-close", onclick: () => this.open(null)}, "Close")),
      this.list, el("h2", {}, "Channels"), this.channels, el("h2", {}, "Commands"),
      el("ul", {class: "lines"}, ...commands.map(command => el("li", {}, el("code", {}, command), copyButton(command)))));
  }

  to(id, words, label) { return el("button", {type: "button", class: "plain", "data-to": id, "aria-label": label, onclick: () => this.open(id)}, words); }

  facts(node) {
    const facts = [["Pod", node.pod], ["State", lndState(node)]];
    if (node.alias) facts.push(["Alias", node.alias]);
    if (node.bitcoin >= 0) facts.push(["Uses", this.to(node.bitcoin, `node ${node.bitcoin}`, "Node " + node.bitcoin)]);
    if (node.height) facts.push(["Height", String(node.height)]);
    facts.push(["Wallet", balance(node, node.wallet)], ["In channels", balance(node, node.channels)]);
    if (node.pubkey) facts.push(["Public key", node.pubkey, "mono"]);
    if (node.address) facts.push(["Address", node.address, "mono"]);
    if (node.version) facts.push(["Version", node.version]);
    this.list.replaceChildren(...facts.flatMap(([name, value, style]) => [el("dt", {}, name), el("dd", {class: style}, value)]));
  }

  showChannels(channels, lightning) {
    this.channels.replaceChildren(...channels.map(c => {
      const id = `${lightning.name}/${c.other}`;
      return el("li", {class: c.kind}, "with ", lightning.nodes.some(n => n.id === id) ? this.to(id, String(c.other), "LND " + id) : String(c.other),
        `: ${channelWords(c)}, capacity ${sat(c.capacity)}`, c.kind === "wanted" ? "" : `, ${sat(c.own)} here and ${sat(c.others)} there`,
        c.message ? el("p", {}, c.message) : null);
    }));
    if (!channels.length) this.channels.replaceChildren(el("li", {}, "none"));
  }
}

// announced is what is read out about channels.
export const announced = list => list.map(l => `${l.name}: ${l.active} of ${l.desired} channels active.`);

// toggle shows whether the graph has the layer, if the layer has something.
export function toggle(shown, list) {
  $("ln-toggle").hidden = !list.length;
  $("ln-toggle").setAttribute("aria-pressed", String(shown));
}
