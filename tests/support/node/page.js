// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the script of a report's page on a tree of its elements (line 1 of the input), does what each further line asks, and tells what can be seen then.
import fs from "node:fs";
import vm from "node:vm";

class Element {
  constructor(tag, attributes = {}, children = []) {
    Object.assign(this, { tag, attributes, children: [], parent: null, hidden: false, open: "open" in attributes, checked: false, value: "" });
    const data = Object.entries(attributes).filter(([name]) => name.startsWith("data-"));
    this.dataset = Object.fromEntries(data.map(([name, value]) => [name.slice(5), value]));
    this.append(...children);
  }
  append(...added) {
    for (const one of added) if (typeof one !== "string") one.parent = this;
    this.children.push(...added);
  }
  before(one) { this.parent.children.splice(this.parent.children.indexOf(this), 0, one); one.parent = this.parent; }
  after(one) { this.parent.children.splice(this.parent.children.indexOf(this) + 1, 0, one); one.parent = this.parent; }
  get elements() { return this.children.filter((one) => typeof one !== "string"); }
  get all() { return this.elements.flatMap((one) => [one, ...one.all]); }
  get firstElementChild() { return this.elements[0]; }
  get cells() { return this.elements; }
  get textContent() { return this.children.map((one) => (typeof one === "string" ? one : one.textContent)).join(""); }
  set textContent(text) { this.children = [text]; }
  set className(name) { this.attributes.class = name; }
  closest(selector) { return matches(this, selector) ? this : this.parent && this.parent.closest(selector); }
  querySelectorAll(selector) { return this.all.filter((one) => matches(one, selector)); }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
}

const parts = (text, mark) => {
  const found = [""];
  let depth = 0;
  for (const letter of text) {
    depth += (letter === "(") - (letter === ")");
    if (letter === mark && depth === 0) found.push("");
    else found[found.length - 1] += letter;
  }
  return found.map((one) => one.trim()).filter(Boolean);
};
const matches = (element, selector) => parts(selector, ",").some((one) => descends(element, parts(one, " ")));
function descends(element, chain) {
  if (!is(element, chain[chain.length - 1])) return false;
  const outer = chain.slice(0, -1);
  for (let above = element.parent; outer.length && above; above = above.parent) if (descends(above, outer)) return true;
  return outer.length === 0;
}
function is(element, simple) {
  for (const part of simple.match(/:not\([^)]*\)|[.#]?[\w-]+|\[[\w-]+\]/g)) {
    const name = part.slice(1);
    if (part.startsWith(":not(") ? matches(element, part.slice(5, -1))
      : part[0] === "." ? !(element.attributes.class ?? "").split(" ").includes(name)
        : part[0] === "#" ? element.attributes.id !== name
          : part[0] === "[" ? !(name.slice(0, -1) === "hidden" ? element.hidden : name.slice(0, -1) in element.attributes)
            : element.tag !== part) return false;
  }
  return true;
}

const [tree, ...asked] = fs.readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
const grown = ([tag, attributes, children]) => new Element(tag, attributes, children.map((one) => (typeof one === "string" ? one : grown(one))));
const root = grown(tree);
const heard = {};
const copied = [];
const document = {
  getElementById: (id) => root.querySelector(`#${id}`), createElement: (tag) => new Element(tag), querySelectorAll: (selector) => root.querySelectorAll(selector),
};
vm.runInNewContext(fs.readFileSync(process.argv[2], "utf8"), {
  document, navigator: { clipboard: { writeText: (text) => { copied.push(text); return { then: (done) => done() }; } } }, setTimeout: () => {},
  addEventListener: (name, act) => { heard[name] = act; }, Option: function (text, value) { return new Element("option", { value }, [text]); },
});
const form = root.querySelector("form");
const shown = () => root.querySelectorAll("article, .rows tr:not(.kind):not(thead tr)").filter((one) => {
  for (let above = one; above; above = above.parent) if (above.hidden) return false;
  return true;
}).length;
for (const one of asked) {
  if (one.event) heard[one.event]();
  else if (one.copy) root.querySelectorAll("button")[0].onclick();
  else {
    root.querySelectorAll("input").find((box) => box.type === "search").value = one.word ?? "";
    root.querySelector("select").value = one.by ?? "";
    for (const box of root.querySelectorAll("input").filter((box) => box.type === "checkbox")) box.checked = !(one.without ?? []).includes(box.value);
    form.oninput();
  }
  const folds = root.querySelectorAll("details").filter((fold) => fold.open && !fold.hidden).length;
  console.log(JSON.stringify({ shown: shown(), folds, said: form ? root.querySelector("output").textContent : null, copied }));
}
