// One stream of events from kubectl-btcnet, which continues where it was after an interruption. EventSource sends no header, so the token
// would have to be in an address: fetch does.
import {shared} from "./mode.js";

const silence = 25000, shortest = 400, longest = 5000;

// In a cluster, the token is that of a person's account: it is kept in this variable only, and gone with a reload.
export let token = shared ? "" : readToken();

export function setToken(value) { token = value; }

// readToken takes the token out of the address, where history and screenshots would keep it. A reload finds it in the tab's storage.
function readToken() {
  const given = location.hash.slice(1), isToken = given.length > 0 && !document.getElementById(given); // else a link within the page
  if (isToken) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return isToken ? given : sessionStorage.getItem("token") || "";
}

export function call(path, options = {}) {
  return fetch(path, {...options, headers: {Authorization: "Bearer " + token, ...options.headers}});
}

export function post(path, value) {
  return call(path, {method: "POST", body: JSON.stringify(value), headers: {"Content-Type": "application/json"}});
}

// lines passes on the lines of a response as they arrive.
export async function lines(response, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) take(part);
  }
}

export class Stream {
  // change gets each difference with the name of its event, own those that are for this page only, state one of live, lost and denied with a reason. visit is the name
  // that the server gave the page, with which it continues what the page began.
  constructor(change, own, state, visit) {
    this.change = change;
    this.own = own;
    this.state = state;
    this.visit = visit;
    this.cursor = "";
    this.network = null;
    this.namespace = "";
    // heard is when the server last sent something, 0 for never.
    this.heard = 0;
  }

  // show opens the stream for a network, whose nodes are then heard. In a cluster none is, and the stream of a namespace has all networks.
  show(network) {
    if (network === this.network || shared) return;
    this.network = network;
    this.restart?.();
    if (!this.running) {
      this.running = true;
      this.run();
    }
  }

  // watch opens the stream of a namespace, with another token than before.
  watch(namespace) {
    this.namespace = namespace;
    this.cursor = "";
    this.heard = 0;
    this.run();
  }

  async run() {
    for (let pause = shortest; ;) {
      const got = await this.once();
      if (got === "denied") return;
      if (got === "restarted") continue;
      pause = got === "was live" ? shortest : Math.min(pause * 2, longest);
      await new Promise(resolve => setTimeout(resolve, pause));
    }
  }

  async once() {
    const control = new AbortController();
    let restarted = false, live = false, reason = "", timer;
    this.restart = () => { restarted = true; control.abort(); };
    const alive = () => { clearTimeout(timer); timer = setTimeout(() => control.abort(), silence); };
    try {
      alive();
      const query = shared ? "namespace=" + encodeURIComponent(this.namespace) : "network=" + encodeURIComponent(this.network || "") + "&visit=" + encodeURIComponent(this.visit());
      const response = await call("/api/stream?" + query, {
        signal: control.signal, headers: this.cursor ? {"Last-Event-ID": this.cursor} : {},
      });
      if (response.status === 400 || response.status === 401 || response.status === 403 || response.status === 421) {
        this.state("denied", await response.text());
        return "denied";
      }
      if (!response.ok) throw new Error(reason = await response.text());
      live = true;
      this.state("live");
      let id = "", event = "";
      await lines(response, line => {
        alive();
        this.heard = Date.now();
        if (line === "") event = "";
        else if (line.startsWith("id: ")) id = line.slice(4);
        else if (line.startsWith("event: ")) event = line.slice(7);
        else if (line.startsWith("data: ")) {
          const delta = JSON.parse(line.slice(6));
          if (event === "own") this.own(delta);
          else this.change(delta, event);
          this.cursor = id;
        }
      });
    } catch (error) {
      if (!restarted && error.name !== "AbortError" && error.name !== "TypeError") console.warn(error.message);
    } finally {
      clearTimeout(timer);
    }
    if (restarted) return "restarted";
    this.state("lost", reason);
    return live ? "was live" : "lost";
  }
}
