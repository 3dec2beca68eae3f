"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Copy a command.
  if (navigator.clipboard) {
    for (const command of all(".cmd")) {
      const button = make("button", { type: "button", textContent: "Copy", ariaLabel: "Copy the command" });
      button.onclick = () => navigator.clipboard.writeText(command.textContent).then(() => {
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      command.after(button);
    }
  }

  // Filter what differs by word, actor and state.
  const place = document.getElementById("differences");
  const entries = place ? all("article, .rows tr:not(.kind):not(thead tr)", place).map((element) => ({
    element,
    text: (element.textContent + " " + (element.closest("tbody")?.firstElementChild.textContent ?? "")).toLowerCase(),
    by: element.dataset.by ?? element.cells[5].textContent.trim(),
    state: element.closest("[data-s]").dataset.s,
  })) : [];
  const folds = place ? all("details", place).map((element) => ({ element, open: element.open })) : [];
  let apply = () => {};
  if (entries.length > 10) {
    const query = make("input", { type: "search", placeholder: "object, field, value, name" });
    const by = make("select", {}, new Option("everybody", ""), ...[...new Set(entries.map((one) => one.by))].sort().map((name) => new Option(name, name)));
    const states = [...new Set(entries.map((one) => one.state))].map((state) => make("input", { type: "checkbox", value: state, checked: true }));
    const told = make("output", { ariaLive: "polite" });
    const form = make("form", { role: "search" },
      make("label", {}, make("span", { className: "sr", textContent: "Filter what differs" }), query), make("label", {}, "by", by),
      ...states.map((box) => make("label", {}, box, box.value === "unseen" ? "not looked at" : box.value)), told);
    apply = () => {
      const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = new Set(states.filter((box) => box.checked).map((box) => box.value));
      const filtered = words.length > 0 || by.value !== "" || shown.size < states.length;
      let count = 0;
      for (const one of entries) {
        const matches = shown.has(one.state) && (!by.value || one.by === by.value) && words.every((word) => one.text.includes(word));
        one.element.hidden = !matches;
        count += matches;
      }
      for (const body of all(".rows tbody", place)) body.hidden = !body.querySelector("tr:not(.kind):not([hidden])");
      for (const fold of folds) {
        fold.element.hidden = !fold.element.querySelector("tbody:not([hidden])");
        fold.element.open = filtered ? count <= 200 : fold.open;
      }
      const number = (value) => value.toLocaleString("en");
      told.textContent = filtered ? `${number(count)} of ${number(entries.length)} fields shown` : `${number(entries.length)} fields`;
    };
    form.oninput = apply;
    form.onsubmit = (event) => event.preventDefault();
    place.before(form);
    apply();
  }

  // On paper is everything, whatever is folded or filtered here.
  let before = [];
  addEventListener("beforeprint", () => {
    before = all("details").map((element) => [element, element.open]);
    for (const [element] of before) element.open = true;
    for (const element of all("#differences [hidden]")) element.hidden = false;
  });
  addEventListener("afterprint", () => {
    for (const [element, open] of before) element.open = open;
    apply();
  });
})();
