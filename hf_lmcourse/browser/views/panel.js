// A language model on the page: the text in its eyes, the next token, what is inside, what changes.

class Panel {
  constructor(description, page) {
    Object.assign(this, { description, page, model: makeModel(description) });
    this.tokenizer = makeTokenizer(description.tokenizer);
    this.trained = new Reader(this.model, this.tokenizer);
    this.changed = null; // the reader with the changes, if there are any
    this.limit = description.tokenizer.vocabulary.length < 500 ? 8 : 16; // bits of the full colour
    const choose = (index) => page.choose(this.reader.steps[index].end);
    this.metrics = element("div", {});
    this.said = element("p", { "aria-live": "polite" });
    this.text = new TextView(`the text as ${description.name} reads it; arrow keys choose a token`, choose);
    this.next = new NextTokenView(this.tokenizer, (id) => page.goOn(this, id));
    this.inside = this.insideView(choose);
    this.changes = new ChangesView(this.model, () => this.change());
    this.write = element("button", { type: "button", onclick: () => page.write(this, 1) }, "Write a token");
    this.writeMore = element("button", { type: "button", onclick: () => page.write(this, 200) }, "Write 200");
    this.node = this.laidOut();
  }

  laidOut() {
    return element("section", { class: "panel" }, ...heading(this.description, this.page.alone),
      element("div", { class: "beside" },
        element("div", {}, element("h3", {}, "How surprising each token is"), this.metrics, this.text.node,
          legend("bits", 0, this.limit), this.said),
        element("div", {}, this.next.node,
          element("div", { class: "controls" }, this.write, this.writeMore))),
      this.changes.node, this.inside.node);
  }

  insideView(choose) {
    if (this.model.cell) return new CellView(this.model, choose);
    if (this.model.blocks) return new AttentionView(this.model, choose);
    return new WindowView(this.model, this.tokenizer);
  }

  get reader() {
    return this.changed ?? this.trained;
  }

  change() {
    const { changes } = this.changes;
    this.changed = changes.none ? null : new Reader(this.model, this.tokenizer);
    this.changed?.forget(changes);
    this.page.refresh();
  }

  setText(text) {
    this.content = text;
    this.tokens = this.tokenizer.split(text);
  }

  /** Read on for some milliseconds; whether all is read. */
  read(milliseconds) {
    const done = this.trained.read(this.tokens, milliseconds);
    return (this.changed?.read(this.tokens, milliseconds) ?? true) && done;
  }

  /** The token that ends at a place of the text, or the last one before it; -1 for none. */
  stepAt(end) {
    const { steps } = this.reader;
    let index = steps.length - 1;
    while (index >= 0 && steps[index].end > end) index--;
    return index;
  }

  bits(step) {
    return step.nats === null ? null : step.nats / Math.LN2;
  }

  renderText() {
    this.text.render(this.content, this.reader.steps, this.stepAt(this.page.end),
      (step) => (step.nats === null ? null : this.bits(step) / this.limit),
      (step) => this.described(step));
  }

  described(step) {
    const shown = visible(this.content.slice(step.start, step.end)) || this.tokenizer.vocabulary[step.id];
    const token = this.tokenizer.vocabulary[step.id];
    const known = step.id === this.tokenizer.unknown ? `, unknown, read as ${token}` : "";
    if (step.nats === null) return `“${shown}”${known}: not predicted`;
    return `“${shown}”${known}: ${this.bits(step).toFixed(2)} bits, probability ${percent(Math.exp(-step.nats))}`;
  }

  render() {
    this.renderText();
    const chosen = this.stepAt(this.page.end), step = this.reader.steps[chosen];
    this.said.textContent = step ? this.described(step) : "";
    this.metrics.replaceChildren(numbers(this.metricRows()));
    const after = step ? `“${visible(this.content.slice(step.start, step.end))}”` : "the beginning of the text";
    this.next.render(after, this.reader.logitsAfter(chosen), this.changed && this.trained.logitsAfter(chosen));
    this.inside.render(this.content, this.reader, chosen);
    this.sayEffect();
  }

  /** Mean over the text with the changes, and before them. */
  metricRows() {
    const characters = Array.from(this.content).length;
    const now = this.reader.totals(), was = this.changed ? this.trained.totals() : now;
    const row = (name, value) => [name, value(now), value(was)];
    const mean = (sum, number) => (number ? sum / number : 0);
    return [
      row("bits per character", ({ nats }) => mean(nats / Math.LN2, characters).toFixed(3)),
      row("perplexity per token", ({ nats, tokens }) => Math.exp(mean(nats, tokens)).toFixed(2)),
      ["tokens", whole(now.tokens)],
      ...(now.unknown ? [["unknown tokens, which cost too little", whole(now.unknown)]] : []),
    ];
  }

  sayEffect() {
    if (!this.changed) return this.changes.effect.replaceChildren();
    const [now, was] = [this.changed, this.trained].map((reader) => reader.totals());
    const of = ({ nats, tokens }) => Math.exp(tokens ? nats / tokens : 0).toFixed(2);
    const ahead = this.model.looksAhead?.(this.changed.changes)
      ? " Without the mask each token sees the one that it is to predict: a low perplexity then means nothing."
      : "";
    this.changes.effect.textContent = `The perplexity of this text per token: ${of(was)} as trained, `
      + `${of(now)} with your changes.${ahead}`;
  }
}
