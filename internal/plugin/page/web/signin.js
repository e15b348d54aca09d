// The page in a cluster: a person signs in with a token of his account. What needs more rights than to read networks and events is taken out.
import {$, el} from "./dom.js";
import {setToken} from "./stream.js";
import {shared} from "./mode.js";

// setUp takes out what only the page of kubectl btcnet ui has. Signing out is a reload, which leaves nothing behind.
export function setUp() {
  if (!shared) return;
  for (const part of document.querySelectorAll("[data-local]")) part.remove();
  $("sign-out").addEventListener("click", () => location.reload());
}

// signIn shows the form, with the reason why the last token was not enough, and calls with the namespace when there is another token.
export function signIn(reason, signedIn) {
  const form = $("sign-in"), address = new URLSearchParams(location.search);
  // No password field: a browser would offer to keep it.
  const token = el("input", {id: "sign-in-token", class: "secret", required: "", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "sign-in-help"});
  const namespace = el("input", {id: "sign-in-namespace", autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: "that of the account", value: address.get("namespace") || ""});
  form.replaceChildren(
    el("h2", {id: "sign-in-title"}, "Sign in to see bitcoin networks"),
    ...reason ? [el("p", {class: "wrong", role: "alert"}, reason)] : [],
    el("label", {for: "sign-in-token"}, "Token of your account"), token,
    el("label", {for: "sign-in-namespace"}, "Namespace"), namespace,
    el("div", {class: "buttons"}, el("button", {type: "submit", class: "primary"}, "Sign in")),
    el("p", {id: "sign-in-help"}, "A service account that may read the networks of its namespace has a token for a time. The page forgets it when it is reloaded or closed."),
    el("code", {}, `kubectl create token ACCOUNT --namespace NAMESPACE${shared.audience ? " --audience " + shared.audience : ""}`));
  form.onsubmit = event => {
    event.preventDefault();
    setToken(token.value.trim());
    const at = namespace.value.trim();
    if (at) address.set("namespace", at);
    else address.delete("namespace");
    history.replaceState(null, "", "?" + address);
    form.replaceChildren();
    form.hidden = true;
    $("sign-out").hidden = false;
    signedIn(at);
  };
  form.hidden = false;
  $("sign-out").hidden = true;
  token.focus();
}
