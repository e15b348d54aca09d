// What the page knows of Lightning networks: they have values of their own. Nothing here touches the document.
import {Values} from "./model.js";

export class LightningModel extends Values {
  apply(delta) {
    this.known = null;
    return super.apply(delta);
  }

  // denied is why the viewer may not see Lightning networks.
  get denied() { return this.values.get("denied") || ""; }

  // of are the Lightning networks on the chain of a network, by name.
  of(network) {
    if (this.known?.of !== network) this.known = {of: network, list: this.read(network)};
    return this.known.list;
  }

  read(network) {
    const all = new Map();
    for (const [at, value] of this.values) if (at.startsWith("ln/") && at.endsWith("/network") && value.bitcoin === network) {
      const name = at.slice(3, -8);
      all.set(name, {...value, name, size: value.nodes, nodes: [], channels: []});
    }
    for (const [at, value] of all.size ? this.values : []) {
      const [, name, kind, id] = at.split("/"), of = all.get(name);
      if (of && kind === "node") of.nodes.push({...value, id: `${name}/${value.ordinal}`, network: name});
      if (of && kind === "channel") of.channels.push({...value, id: `${name}/${id}`, network: name, fromId: `${name}/${value.from}`, toId: `${name}/${value.to}`});
    }
    for (const of of all.values()) {
      of.nodes.sort((a, b) => a.ordinal - b.ordinal);
      of.channels.sort((a, b) => a.from - b.from || a.to - b.to || (a.id < b.id ? -1 : 1));
    }
    return [...all.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }
}

// channelsOf are the channels of a node, with what it and the other end have.
export function channelsOf(node, lightning) {
  return lightning.channels.filter(c => c.fromId === node.id || c.toId === node.id).map(c => {
    const opened = c.fromId === node.id;
    return {...c, other: opened ? c.to : c.from, own: (opened ? c.fromBalance : c.toBalance) || 0, others: (opened ? c.toBalance : c.fromBalance) || 0};
  });
}

// signs are on the line of a channel that is not active, and words are for all kinds.
export const signs = {wanted: "+", lost: "!", closing: "×"};
export const words = {wanted: "wanted", active: "active", closing: "is being closed", lost: "lost"};

export const sat = amount => `${(amount || 0).toLocaleString("en")} sat`;

// balance is one of a node, which nobody knows before the operator has read the node.
export const balance = (node, amount) => node.pubkey ? sat(amount) : "–";

// channelWords is the state of a channel: its kind, and the operator's word for it when that has more.
export function channelWords(channel) {
  const kind = words[channel.kind] || channel.kind;
  return channel.kind === "active" ? kind : `${kind} (${channel.state})`;
}

// lndState is the state of a node in words.
export function lndState(node) {
  if (!node.ready) return "not ready";
  return node.synced ? "ready, synced" : "ready, not synced";
}
