/** Words to the person in front of the page. */
import { icon } from "./tile.js";

const TOAST_MS = 4000;

/** Show a problem where it belongs, with "Try again" when that can help; null clears it. */
export function notice(element, problem, retry) {
  element.hidden = !problem;
  if (!problem) return element.replaceChildren();
  const title = document.createElement("strong");
  const text = document.createElement("p");
  title.textContent = problem.title;
  text.textContent = problem.text;
  element.replaceChildren(icon("notice"), title, text);
  if (element.id === "call-notice") {
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "close", ariaLabel: "Close this notice" });
    close.append(icon("close"));
    close.addEventListener("click", () => notice(element, null));
    element.append(close);
  }
  if (!problem.retry || !retry) return;
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "quiet", textContent: "Try again" });
  button.addEventListener("click", retry);
  element.append(button);
}

let toastTimer;
export function toast(text) {
  clearTimeout(toastTimer);
  document.querySelector("#toast").textContent = text;
  toastTimer = setTimeout(() => { document.querySelector("#toast").textContent = ""; }, TOAST_MS);
}
