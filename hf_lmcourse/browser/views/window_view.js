// Inside an n-gram or bigram network: the tokens of the window, their embeddings, the hidden units.

class WindowView {
  constructor(model, tokenizer) {
    Object.assign(this, { model, tokenizer });
    this.strips = element("div", { class: "strip" });
    this.node = element("section", {},
      element("h3", {}, model.words > 1 ? "The window" : "The token before"),
      element("p", { class: "soft" }, "All that the network sees at the chosen token: the embedding of "
        + "each token, a number per column, and the hidden units computed from them. Orange is "
        + "positive, blue negative."),
      this.strips);
  }

  render(text, reader, chosen) {
    const state = reader.stateAfter(chosen), rows = [];
    state.window.forEach((vector, place) => {
      const token = state.tokens[place], back = place ? `${place} before` : "the newest token";
      const name = token === undefined ? "(no token)" : visible(this.tokenizer.vocabulary[token]);
      rows.unshift([name, vector, largest(state.window), back]);
    });
    (state.layers ?? []).forEach((units, layer) =>
      rows.push([`hidden ${layer + 1}`, units, largest([units]), `${units.length} units`]));
    this.strips.replaceChildren(...rows.flatMap(([name, vector, scale, title]) => {
      const canvas = element("canvas", { role: "img", "aria-label": `${name}: ${vector.length} numbers` });
      drawShares(canvas, 1, vector.length, (_, column) => vector[column] / scale);
      return [element("span", { class: "name", title }, name), canvas];
    }));
  }
}
