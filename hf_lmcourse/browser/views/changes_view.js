// What can be changed: a unit, a gate or a head is scaled or silenced, the causal mask removed.

/** What a model has to change: [kind, what to call it, the names of the layer's parts]. */
function changeable(model) {
  const { config } = model;
  if (model.blocks) return [["head", "head", count(config.num_attention_heads)]];
  const units = config.num_hidden_layers === 0 ? [] : [["unit", "unit", count(config.hidden_size)]];
  const gates = model.cell?.gates.length ? [["gate", "gate", model.cell.gates]] : [];
  return [...units, ...gates];
}
const count = (size) => Array.from({ length: size }, (_, k) => k);
const named = (which) => (typeof which === "number" ? which + 1 : which);

class ChangesView {
  constructor(model, onchange) {
    Object.assign(this, { model, onchange, changes: new Changes() });
    this.kinds = changeable(model);
    this.active = element("ul", { class: "active" });
    this.effect = element("p", { "aria-live": "polite" });
    this.node = element("section", {},
      element("h3", {}, "Change the model"),
      element("p", { class: "soft" }, "Scale a part, or silence it, and see what the model predicts "
        + "without it. The file of the model stays as it is."),
      ...(this.kinds.length ? [this.form()] : []), ...this.mask(), this.active, this.effect);
    this.list();
  }

  form() {
    const layers = count(this.model.layers?.length || this.model.blocks?.length
      || this.model.config.num_hidden_layers);
    this.kind = choice(this.kinds.map(([kind, name]) => [kind, name]), () => this.fill());
    this.layer = choice(layers.map((k) => [k, `layer ${k + 1}`]), () => {});
    this.which = element("select", { "aria-label": "which" });
    this.factor = element("input", {
      type: "range", min: 0, max: 3, step: 0.1, value: 0.5, oninput: () => this.said(),
    });
    this.value = element("output", {});
    this.fill();
    this.said();
    const apply = (factor) => this.set(this.kind.value, Number(this.layer.value), this.chosen(), factor);
    return element("div", { class: "controls" },
      labelled("part", this.kind), this.which, layers.length > 1 ? labelled("of", this.layer) : "",
      labelled("times", this.factor), this.value,
      element("button", { type: "button", onclick: () => apply(Number(this.factor.value)) }, "Scale"),
      element("button", { type: "button", onclick: () => apply(0) }, "Silence"));
  }

  said() {
    this.value.textContent = Number(this.factor.value).toFixed(1);
  }

  fill() {
    const [, , parts] = this.kinds.find(([kind]) => kind === this.kind.value);
    this.which.replaceChildren(...parts.map((part) => element("option", { value: part }, named(part))));
  }

  chosen() {
    const [, , parts] = this.kinds.find(([kind]) => kind === this.kind.value);
    return parts[this.which.selectedIndex];
  }

  /** A mask can be removed where there is one that hides what comes later, and nothing else. */
  mask() {
    const { config } = this.model;
    if (!this.model.blocks || !config.is_causal || config.attention_pattern !== "full") return [];
    this.causal = element("input", { type: "checkbox", checked: true, onchange: () => this.changed() });
    return [element("p", {}, element("label", {}, this.causal,
      " causal mask: a token does not see those after it, which it is to predict"))];
  }

  set(kind, layer, which, factor) {
    this.changes.set(kind, layer, which, factor);
    this.changed();
  }

  changed() {
    const next = new Changes();
    next.factors = new Map(this.changes.factors);
    next.causal = this.causal ? this.causal.checked : true;
    this.changes = next;
    this.list();
    this.onchange();
  }

  list() {
    this.active.replaceChildren(...[...this.changes.factors].map(([key, factor]) => {
      const [kind, layer, which] = key.split(" "), part = Number.isNaN(Number(which)) ? which : Number(which);
      const text = `${kind} ${named(part)} of layer ${Number(layer) + 1} × ${signed(factor, 1)}`;
      return element("li", {}, element("button", {
        type: "button", "aria-label": `undo: ${text}`,
        onclick: () => this.set(kind, Number(layer), which, 1),
      }, `${text} ✕`));
    }));
  }
}
