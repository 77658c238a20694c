// The distribution of the next token as bars; a click goes on with one of them.

const BARS = 12;

class NextTokenView {
  constructor(tokenizer, goOn) {
    Object.assign(this, { tokenizer, goOn });
    this.list = element("ol", { class: "bars" });
    this.hint = element("p", { class: "soft" });
    this.node = element("section", {}, element("h3", {}, "The next token"), this.hint, this.list);
  }

  /** `trained` are the logits without the reader's changes, or null if there are none. */
  render(after, logits, trained) {
    if (!logits) {
      this.hint.textContent = "Type a first token: this model has none to begin a text with.";
      this.list.replaceChildren();
      return;
    }
    this.hint.textContent = `What the model expects after ${after}. Click on a token to go on with it`
      + ` from there${trained ? "; the black line is its probability without your changes" : ""}.`;
    const was = trained && softmax(trained);
    this.list.replaceChildren(...likeliest(logits, BARS).map(({ id, p }) =>
      element("li", {}, this.bar(id, p, was ? was[id] : null))));
  }

  bar(id, p, was) {
    const name = visible(this.tokenizer.vocabulary[id]), drawn = this.tokenizer.canBeDrawn(id);
    const label = `${name}, ${percent(p)}${was === null ? "" : `, without changes ${percent(was)}`}`;
    return element("button", {
      type: "button", "aria-label": label, disabled: !drawn, onclick: () => this.goOn(id),
      title: drawn ? "" : "a special token, which no text is written with",
    },
      element("span", { class: "name" }, name),
      element("span", { class: "track" },
        element("span", { class: "bar", style: `width:${100 * p}%` }),
        ...(was === null ? [] : [element("span", { class: "was", style: `width:${100 * was}%` })])),
      element("span", { class: "share" }, percent(p)));
  }
}
