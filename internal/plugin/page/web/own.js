// What only this page gets, over its stream of events: how its actions proceed, and the log that it shows. Both end soon after the stream.
import {post} from "./stream.js";

const values = new Map();
let visit = "", number = 0, log = null, last = 0;

// apply takes over a difference; actions gets the name of the visit and the states of its actions.
export function apply(delta, actions) {
  if (delta.snapshot) values.clear();
  for (const key of delta.gone || []) values.delete(key);
  for (const [key, value] of Object.entries(delta.set || {})) values.set(key, value);
  const another = values.get("visit") !== visit;
  visit = values.get("visit");
  actions(visit, [...values].filter(([key]) => key.startsWith("action/")));
  if (another && log) subscribe();
  for (const moment of delta.moments || []) if (log && moment.log === number) line(moment);
}

export const currentVisit = () => visit;

// follow shows the log of a node in place of another one; null is none. take gets each line, and null at the beginning.
export function follow(network, node, take) {
  const shown = log;
  log = take ? {network, node, take} : null;
  if (log) subscribe();
  else if (shown) begin({network: "", node: -1}).catch(() => {}); // it ends with the page, too
}

async function subscribe() {
  const {take} = log;
  last = 0;
  take(null);
  const {network, node} = log;
  try {
    const response = await begin({network, node});
    if (!response.ok && log?.take === take) take(await response.text());
  } catch {
    if (log?.take === take) take("The log follows as soon as the page has its connection again.");
  }
}

function begin(of) {
  return visit ? post("/api/log", {visit, number: ++number, ...of}) : Promise.reject(new Error("not connected"));
}

// line passes a line on, and how many are missing before it: a browser that is slow does not get all.
function line(moment) {
  if (moment.at > last + 1) log.take(`… ${moment.at - last - 1} lines are left out …`);
  last = moment.at;
  log.take(moment.line);
}
