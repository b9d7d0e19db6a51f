// What htmx does not do: bounded lists, no line twice after a reconnect, the pause button, the count of notices.
"use strict";

const lists = () => document.querySelectorAll("ol.lines");

let paused = false;

document.addEventListener("htmx:sseBeforeMessage", (event) => {
  const data = event.detail.data || "";
  const id = /^<li id="(\w+)"/.exec(data)?.[1];
  // After a reconnect the stream begins where the page began.
  if (id && document.getElementById(id)) event.preventDefault();
  else if (paused && event.detail.elt?.id === "traffic") event.preventDefault();
});

function tidy() {
  for (const list of lists()) {
    const most = Number(list.dataset.most);
    while (list.children.length > most) list.lastElementChild.remove();
  }
  const count = document.getElementById("notice-count");
  const notices = document.getElementById("notices");
  if (count && notices) {
    const text = String(notices.children.length) + (notices.children.length >= Number(notices.dataset.most) ? "+" : "");
    if (count.textContent !== text) count.textContent = text;
  }
}

document.addEventListener("htmx:sseMessage", tidy);
document.addEventListener("htmx:afterSettle", tidy);

document.addEventListener("click", (event) => {
  if (event.target.id !== "pause") return;
  paused = !paused;
  event.target.setAttribute("aria-pressed", String(paused));
  event.target.textContent = paused ? "Go on" : "Pause";
});

// A fresh view is not paused.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "main") paused = false;
});
