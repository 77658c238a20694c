// A deep averaging network at work: the classes, each word's contribution, words switched off.

class ClassifierPanel {
  constructor(description, page) {
    Object.assign(this, { description, model: makeModel(description), off: new Set() });
    this.tokenizer = makeTokenizer(description.tokenizer);
    this.changes = new ChangesView(this.model, () => this.render());
    this.bars = element("ol", { class: "bars" });
    this.words = element("div", { class: "words" });
    this.said = element("p", { "aria-live": "polite" });
    this.node = element("section", { class: "panel" }, ...heading(description, page.alone),
      element("h3", {}, "The class of the text"), this.bars, this.said,
      element("h3", {}, "What each word contributes"),
      element("p", { class: "soft" }, "By how much the log-odds log(p / (1 - p)) of the likeliest class are "
        + "higher with the word than without it: orange speaks for the class, blue against it. Click "
        + "on a word to switch it off, as word dropout does at random in training."),
      this.words, this.changes.node);
  }

  setText(text) {
    this.text = text;
    this.tokens = this.tokenizer.split(text);
    this.off.clear();
  }

  read() {
    return true;
  }

  render() {
    const ids = this.tokens.map(({ id }) => id), { changes } = this.changes;
    const kept = ids.filter((_, place) => !this.off.has(place));
    const p = softmax(this.model.classify(kept, changes).logits);
    const was = softmax(this.model.classify(ids).logits);
    const altered = this.off.size > 0 || !changes.none;
    this.bars.replaceChildren(...Array.from(p, (share, k) => this.bar(k, share, altered ? was[k] : null)));
    const predicted = p.indexOf(Math.max(...p));
    const shares = this.model.contributions(kept, predicted, changes);
    const scale = largest([shares]), values = [...shares];
    this.said.textContent = ids.length
      ? `${this.description.classes[predicted]}, from ${kept.length} of ${ids.length} words.`
      : "Type a text: with no words the mean is zero, and this is what the layers make of it.";
    this.words.replaceChildren(...ids.map((id, place) =>
      this.word(id, place, this.off.has(place) ? null : values.shift(), scale)));
  }

  bar(k, share, was) {
    const name = this.description.classes[k];
    return element("li", {}, element("button", { type: "button", disabled: true, "aria-label": `${name}, ${percent(share)}` },
      element("span", { class: "name" }, name),
      element("span", { class: "track" },
        element("span", { class: "bar", style: `width:${100 * share}%` }),
        ...(was === null ? [] : [element("span", { class: "was", style: `width:${100 * was}%` })])),
      element("span", { class: "share" }, percent(share))));
  }

  word(id, place, value, scale) {
    const { start, end } = this.tokens[place], unknown = id === this.tokenizer.unknown;
    return element("button", {
      type: "button", "aria-pressed": value !== null,
      style: value === null ? "" : `background:${shade(value / scale)}`,
      title: unknown ? "a word that the model does not know" : "",
      onclick: () => {
        if (!this.off.delete(place)) this.off.add(place);
        this.render();
        this.words.children[place].focus();
      },
    }, `${this.text.slice(start, end)}${unknown ? " (unknown)" : ""}`,
    element("small", {}, value === null ? "off" : signed(value)));
  }
}
