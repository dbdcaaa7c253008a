"use strict";
// The page is whole without this. It adds: choosing a function, opening all, and opening what a link leads to.
(() => {
  const runs = [...document.querySelectorAll("details.run")];
  const pick = document.getElementById("pick");
  const tools = document.querySelector(".tools");
  if (tools) tools.hidden = runs.length === 0;

  const choose = () => {
    for (const run of runs) run.hidden = pick.value !== "" && run.dataset.function !== pick.value;
  };
  const setOpen = (open) => {
    for (const run of runs) if (!run.hidden) run.open = open;
  };
  pick?.addEventListener("change", choose);
  document.getElementById("open")?.addEventListener("click", () => setOpen(true));
  document.getElementById("close")?.addEventListener("click", () => setOpen(false));

  const reveal = () => {
    const run = document.getElementById(location.hash.slice(1));
    if (!run?.matches("details.run")) return;
    if (run.hidden) {
      pick.value = "";
      choose();
    }
    run.open = true;
    run.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", reveal);
  // A link to where one is already changes no hash.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#i']");
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  // What is wider than the page begins in its middle, where its root is.
  for (const region of document.querySelectorAll(".shape .scroll")) {
    region.scrollLeft = (region.scrollWidth - region.clientWidth) / 2;
  }

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = runs.filter((run) => !run.open);
    for (const run of closed) run.open = true;
  });
  addEventListener("afterprint", () => {
    for (const run of closed) run.open = false;
  });
})();
