// What a person does to the network. Each action is confirmed in a dialog, which shows the same command for a terminal.
import {$, el, text} from "./dom.js";
import {post} from "./stream.js";
import {currentVisit} from "./own.js";

const actions = {
  mine: {
    title: "Mine blocks", confirm: "Mine", busy: (a) => `Mining ${a.blocks} ${a.blocks === 1 ? "block" : "blocks"} on node ${a.node}…`,
    text: "The rewards go to the wallet faucet of the node, which kubectl btcnet fund pays from.",
    fields: [{name: "node", label: "Node", type: "node"}, {name: "blocks", label: "Number of blocks", type: "number", value: 1, min: 1, max: 1000}],
    command: (a, at) => `kubectl btcnet mine ${at}/${a.node} ${a.blocks}`,
  },
  partition: {
    title: "Partition the network", confirm: "Partition", busy: () => "Cutting the connections…",
    text: "The nodes of one side lose all connections with the others, until the network is healed.",
    fields: [{name: "sides", label: "Nodes of one side, such as 0,2-4; the others are the other side", type: "text"}],
    command: (a, at) => `kubectl btcnet partition ${at} ${a.sides.join(" ")}`,
  },
  heal: {
    title: "Heal the network", confirm: "Heal", busy: () => "Connecting all nodes…",
    text: "All sides of a partition are connected again, and nodes that were paused. The branch with most work wins.",
    fields: [], command: (a, at) => `kubectl btcnet heal ${at}`,
  },
  pause: {
    title: "Pause a node", confirm: "Pause", busy: (a) => `Node ${a.node} is cut from the network for ${a.seconds} s…`,
    text: "The node loses all connections for a time, and gets them back. bitcoind keeps running. Closing or reloading the page ends the pause.",
    fields: [{name: "node", label: "Node", type: "node"}, {name: "seconds", label: "Seconds", type: "number", value: 30, min: 1, max: 600}],
    command: (a, at) => `kubectl btcnet pause ${at}/${a.node} ${a.seconds}s`,
  },
};

// ask opens the dialog of an action; the promise of the answer is not awaited by the page.
export function ask(kind, network, namespace, node) {
  const action = actions[kind], inputs = new Map();
  $("dialog-title").textContent = action.title;
  $("dialog-text").textContent = action.text;
  $("dialog-confirm").textContent = action.confirm;
  $("dialog-fields").replaceChildren(...action.fields.map(field => {
    const input = el("input", {name: field.name, type: field.type === "text" ? "text" : "number", required: "", autocomplete: "off",
      min: field.min ?? 0, max: field.type === "node" ? network.size - 1 : field.max, value: field.type === "node" ? node ?? 0 : field.value ?? proposal(network)});
    inputs.set(field.name, input);
    return el("label", {}, el("span", {}, field.label), input);
  }));
  const read = () => {
    const value = {kind, network: network.name};
    for (const [name, input] of inputs) value[name] = name === "sides" ? input.value.trim().split(/\s+/) : Number(input.value);
    return value;
  };
  const describe = () => { $("dialog-command").textContent = action.command(read(), network.name) + " --namespace " + namespace; };
  describe();
  for (const input of inputs.values()) input.addEventListener("input", describe);
  $("dialog-cancel").onclick = () => $("dialog").close();
  $("dialog-form").onsubmit = event => {
    event.preventDefault();
    $("dialog").close();
    run(read());
  };
  $("dialog").showModal();
  (inputs.get("blocks") || inputs.get("sides") || inputs.get("seconds") || $("dialog-confirm")).focus();
}

// proposal is one half of the nodes.
function proposal(network) {
  const half = Math.floor(network.size / 2);
  return half > 1 ? `0-${half - 1}` : "0";
}

// run begins an action; how it proceeds comes with the stream.
async function run(action) {
  let wrong;
  try {
    const response = await post("/api/action", {visit: currentVisit(), action});
    if (response.ok) return;
    wrong = await response.text();
  } catch {
    wrong = "kubectl btcnet ui does not answer: its command may have ended.";
  }
  end(toast(), "bad", wrong);
}

// shown are the words on the screen about actions, by visit and action. Those that a person has closed stay closed.
const shown = new Map();

// showActions shows how the actions of a visit proceed. What an earlier visit began has ended with it.
export function showActions(visit, list) {
  for (const [key, {action, words, ended}] of list) {
    const at = visit + " " + key;
    if (!shown.has(at)) shown.set(at, toast());
    const of = shown.get(at), shownWords = words || actions[action.kind].busy(action);
    if (!of.ended && ended) end(of, ended, shownWords);
    else if (!of.ended) text(of.words, shownWords);
  }
  for (const [at, of] of shown) {
    if (!of.ended && !at.startsWith(visit + " ")) end(of, "bad", "The connection was lost for too long, which ended this: " + of.words.textContent);
  }
}

function toast() {
  const words = el("span"), element = el("div", {class: "toast"}, words);
  $("toasts").append(element);
  return {element, words, ended: ""};
}

function end(of, how, words) {
  of.ended = how;
  text(of.words, words);
  of.element.classList.add(how);
  of.element.append(el("button", {type: "button", class: "plain", onclick: () => of.element.remove()}, "Close"));
  if (how === "good") setTimeout(() => of.element.remove(), 8000);
}
