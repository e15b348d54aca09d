// Elements. Text goes in as text, whatever it has in it.

export const $ = id => document.getElementById(id);

export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter(c => c !== null && c !== undefined));
  return element;
}

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// text sets the text of an element if it differs, so that nothing is read out again.
export function text(element, value) {
  if (element.textContent !== String(value)) element.textContent = value;
}

// keyed brings the children of an element in line with a list. Elements stay as they are as long as what they show stays the same, with
// their focus and selection.
export function keyed(parent, list, id, signature, make) {
  const old = new Map([...parent.children].map(child => [child.dataset.id, child]));
  let at = parent.firstElementChild;
  for (const item of list) {
    const itemId = String(id(item)), mark = signature(item);
    let child = old.get(itemId);
    old.delete(itemId);
    if (!child || child.dataset.mark !== mark) {
      const built = make(item);
      built.dataset.id = itemId;
      built.dataset.mark = mark;
      if (child) {
        const focused = child.contains(document.activeElement);
        if (child === at) at = built;
        child.replaceWith(built);
        if (focused) built.querySelector("button, a")?.focus();
      }
      child = built;
    }
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  for (const child of old.values()) child.remove();
}

export const short = hash => (hash || "").slice(0, 12);
export const clock = time => new Date(time).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit"});

// moment is a time that may be of another day.
export const moment = time => new Date(time).toDateString() === new Date().toDateString() ? clock(time) : new Date(time).toLocaleString();
