// Inside a Transformer: the heads of a layer as maps, and what the chosen token looks at.

const MAP_TOKENS = 64;

class AttentionView {
  constructor(model, choose) {
    Object.assign(this, { model, layer: 0, head: 0 });
    const layers = choice(model.blocks.map((_, k) => [k, `layer ${k + 1}`]), (value) => {
      this.layer = Number(value);
      this.render(...this.shown);
    });
    this.maps = Array.from({ length: model.config.num_attention_heads }, (_, head) => {
      const canvas = element("canvas");
      const button = element("button", {
        type: "button", onclick: () => {
          this.head = head;
          this.render(...this.shown);
        },
      }, canvas, `head ${head + 1}`);
      return { canvas, button };
    });
    this.text = new TextView("the text in the colours of the attention of the chosen token", choose);
    this.said = element("p", { "aria-live": "polite" });
    this.node = element("section", {},
      element("h3", {}, "Attention heads"),
      element("p", { class: "soft" }, "A map per head: each row is a token, and its colours are the "
        + "tokens that it looks at, the first one on the left. Choose a head."),
      element("div", { class: "controls" }, labelled("show", layers)),
      element("div", { class: "heads" }, ...this.maps.map(({ button }) => button)),
      element("h3", {}, "What the chosen token looks at"), this.said, this.text.node);
  }

  render(text, reader, chosen) {
    this.shown = [text, reader, chosen];
    const { steps } = reader, step = steps[chosen], { layer, head } = this;
    const weights = ({ state }) => state.layers[layer].weights[head];
    const window = step
      ? steps.filter(({ state }) => state.start === step.state.start).slice(-MAP_TOKENS) : [];
    this.maps.forEach(({ canvas, button }, index) => {
      button.setAttribute("aria-pressed", index === head);
      const rows = window.map(({ state }) => state.layers[layer].weights[index]);
      const columns = Math.max(0, ...rows.map((row) => row.length));
      const from = Math.max(0, columns - MAP_TOKENS);
      drawShares(canvas, rows.length, columns - from, (r, c) => rows[r][from + c] ?? 0);
    });
    if (!step) {
      this.said.textContent = "";
      return this.text.render(text, [], -1);
    }
    const row = weights(step), most = Math.max(...row);
    const offset = step.state.start - (reader.started ? 1 : 0); // the start token has no place
    const at = (index) => row[index - offset] ?? null;
    const line = offset < 0 ? `, ${percent(row[0])} on the line end before the text` : "";
    this.said.textContent = `Head ${head + 1} of layer ${layer + 1} at `
      + `“${visible(text.slice(step.start, step.end))}”: at most ${percent(most)} on one token${line}.`;
    this.text.render(text, steps, chosen, (_, index) => (at(index) === null ? null : at(index) / most),
      (_, index) => (at(index) === null ? "not seen" : percent(at(index))));
  }
}
