// Inside a recurrent network: gates and state over time, one unit through the text, its equation.

class CellView {
  constructor(model, choose) {
    Object.assign(this, { model, choose, layer: 0, unit: 0, letter: "h" });
    const letters = [...new Set([...model.cell.state, ...model.cell.gates])];
    const redraw = () => this.render(...this.shown);
    const layers = choice(model.layers.map((_, k) => [k, `layer ${k + 1}`]), (value) => {
      this.layer = Number(value);
      redraw();
    });
    const parts = choice(letters.map((name) => [name, LETTERS[name][0]]), (value) => {
      this.letter = value;
      redraw();
    });
    this.number = element("input", {
      type: "number", min: 1, max: model.config.hidden_size, value: 1,
      onchange: () => this.pick(Number(this.number.value) - 1),
    });
    this.map = new HeatMap("values of all units over the text; arrow keys move unit and token",
      (column, row) => {
        this.pick(row, this.first + column);
      });
    this.follow = new TextView("the text in the colours of one unit", choose);
    this.equation = element("table", { class: "equation" });
    this.said = element("p", { "aria-live": "polite" });
    this.scale = element("div");
    this.node = element("section", {},
      element("h3", {}, model.cell.gates.length ? "Gates and state" : "The state"),
      element("p", { class: "soft" }, "A column per token, a row per unit: orange is positive, blue "
        + "negative. Click on the map to choose a unit and a token."),
      element("div", { class: "controls" }, labelled("show", parts),
        model.layers.length > 1 ? labelled("of", layers) : "", labelled("unit", this.number)),
      this.map.node, this.scale, this.said,
      element("h3", {}, "This unit through the text"), this.follow.node,
      element("h3", {}, "Its equation at the chosen token"),
      element("p", { class: "soft" }, "x is the input of the layer, ′ marks values of the step before."),
      this.equation);
  }

  pick(unit, step) {
    this.unit = Math.max(0, Math.min(this.model.config.hidden_size - 1, Math.round(unit) || 0));
    this.number.value = this.unit + 1;
    if (step === undefined || step === this.shown[2]) this.render(...this.shown);
    else this.choose(step);
  }

  render(text, reader, chosen) {
    this.shown = [text, reader, chosen];
    const { steps } = reader, { layer, letter, unit } = this, { capacity } = this.map;
    this.first = Math.max(0, Math.min(chosen - Math.floor(capacity / 2), steps.length - capacity));
    const window = steps.slice(this.first, this.first + capacity);
    const value = (step) => step.state[layer][letter];
    const scale = letter === "c" ? largest(window.map(value)) : 1;
    const names = window.map(({ start, end }) => (end - start === 1 ? visible(text.slice(start, end)) : ""));
    this.map.render(window.map(value), scale, chosen - this.first, unit, names);
    this.scale.replaceChildren(legend(letter, LETTERS[letter][1] ? 0 : -scale, scale));
    this.follow.render(text, steps, chosen, (step) => value(step)[unit] / scale,
      (step) => `${letter} = ${signed(value(step)[unit])}`);
    const step = steps[chosen];
    this.said.textContent = step
      ? `${letter} of unit ${unit + 1} is ${signed(value(step)[unit], 3)} at “${visible(text.slice(step.start, step.end))}”.`
      : "";
    this.equation.replaceChildren(...(step ? this.equationRows(reader, chosen) : []));
  }

  equationRows(reader, chosen) {
    const { model, layer, unit: k } = this, cell = model.layers[layer];
    const step = reader.steps[chosen], before = reader.stateAfter(chosen - 1)[layer];
    const x = layer ? step.state[layer - 1].h : model.embeddings.row(step.id);
    const rows = CELL_EQUATIONS[model.family]({
      a: cell.input(x), u: cell.recur(before.h), before, after: step.state[layer], k,
      config: model.config, unit: reader.changes.of("unit", layer, k),
      factor: (name) => reader.changes.of("gate", layer, name),
    });
    return rows.map(([formula, filled, value]) => element("tr", {},
      element("td", {}, formula), element("td", {}, `= ${filled}`), element("td", {}, `= ${signed(value, 3)}`)));
  }
}
