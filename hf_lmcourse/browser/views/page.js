// The page: one text for all models, how it goes on, and what is drawn when.

const LONGEST_TEXT = 10000;
const READ_MILLISECONDS = 24;

class Page {
  constructor(models) {
    this.version = 0;
    this.chosen = null; // the place in the text where the chosen token ends; null for its end
    this.alone = models.length === 1;
    this.classifies = models[0].classes !== null;
    const Kind = this.classifies ? ClassifierPanel : Panel;
    this.panels = models.map((model) => new Kind(model, this));
    this.area = element("textarea", {
      id: "text", maxlength: LONGEST_TEXT, spellcheck: "false", oninput: () => this.edited(),
      onfocus: () => (this.writing = false), // or the model would write under the reader's hands
    });
    this.status = element("p", { class: "soft", role: "status" });
    this.stop = element("button", { type: "button", disabled: true, onclick: () => (this.writing = false) }, "Stop");
    this.difference = !this.alone && !this.classifies ? new Difference(this) : null;
  }

  lay(main, title) {
    main.replaceChildren(
      element("h1", {}, title),
      element("p", {}, "This model runs in your browser: type or paste a text, and see what it makes of it."),
      element("h2", {}, element("label", { for: "text" }, "Text")), this.area, this.status,
      ...(this.classifies ? [] : [this.settings()]),
      ...(this.difference ? [this.difference.node] : []),
      element("div", { class: this.alone ? "panels" : "panels two" },
        ...this.panels.map(({ node }) => node)));
  }

  settings() {
    const number = (value, more) => element("input", { type: "number", value, ...more });
    this.temperature = number(1, { min: 0.1, max: 5, step: 0.1 });
    this.topK = number(0, { min: 0, step: 1 });
    this.seed = number(1, { min: 0, step: 1 });
    return element("div", { class: "controls" }, labelled("temperature", this.temperature),
      labelled("top-k (0: all)", this.topK), labelled("seed", this.seed), this.stop);
  }

  get text() {
    return this.area.value;
  }

  /** Where the chosen token ends. */
  get end() {
    return this.chosen ?? this.text.length;
  }

  edited() {
    this.writing = false;
    this.chosen = null;
    return this.refresh();
  }

  choose(end) {
    this.chosen = end === this.text.length ? null : end;
    this.render();
  }

  /** Have every model read the text, and draw; a newer text takes over. */
  async refresh(draw = () => this.render()) {
    const version = ++this.version, { text, panels } = this;
    for (const panel of panels) panel.setText(text);
    while (!panels.map((panel) => panel.read(READ_MILLISECONDS)).every(Boolean)) {
      const [{ reader, tokens }] = panels;
      this.status.textContent = `reading: ${whole(reader.steps.length)} of ${whole(tokens.length)} tokens`;
      await pause();
      if (version !== this.version) return false;
    }
    this.status.textContent = "";
    draw();
    return true;
  }

  render() {
    for (const panel of this.panels) panel.render();
    this.difference?.render();
  }

  /** Go on with a token from the chosen one; what followed is replaced. */
  goOn(panel, id) {
    const before = this.text.slice(0, this.end);
    this.area.value = before + panel.tokenizer.textOf(id, before);
    return this.edited();
  }

  /** Draw tokens at the end of the text; the same text and seed go on in the same way. */
  async write(panel, count) {
    this.writing = true;
    this.chosen = null;
    this.stop.disabled = false;
    const { tokenizer } = panel, began = performance.now();
    let written = 0;
    while (this.writing && written < count && this.text.length < LONGEST_TEXT) {
      if (!(await this.refresh(() => this.drawWhileWriting())) || !this.writing) break;
      const { steps } = panel.reader, logits = panel.reader.logitsAfter(steps.length - 1);
      if (!logits) break;
      const id = draw(logits, this.drawing(tokenizer), generator(Number(this.seed.value) + 7919 * steps.length));
      this.area.value += tokenizer.textOf(id, this.text);
      written++;
      await pause();
    }
    this.writing = false;
    this.stop.disabled = true;
    if (!(await this.refresh())) return;
    const seconds = (performance.now() - began) / 1000;
    if (written > 1) this.status.textContent = `${written} tokens, ${whole(written / seconds)} per second`;
  }

  drawing(tokenizer) {
    return {
      temperature: Math.max(0.01, Number(this.temperature.value) || 1),
      topK: Math.max(0, Math.round(Number(this.topK.value) || 0)),
      allowed: (id) => tokenizer.canBeDrawn(id),
    };
  }

  /** While tokens are written the text is drawn, and the rest a few times a second. */
  drawWhileWriting() {
    const now = performance.now();
    if (now < (this.drawn ?? 0) + 250) {
      for (const panel of this.panels) panel.renderText();
    } else {
      this.drawn = now;
      this.render();
    }
  }

  /** A first text: one that the model writes itself. */
  begin() {
    if (this.classifies) {
      this.area.value = "a fine , funny film that is not for everyone";
      return this.refresh();
    }
    const [first] = this.panels, words = first.tokenizer instanceof CharacterTokenizer ? 300 : 60;
    if (!first.trained.started) this.area.value = first.tokenizer.vocabulary.find((_, id) => first.tokenizer.canBeDrawn(id));
    return this.write(first, words);
  }
}

/** Where two models that split a text in the same way differ. */
class Difference {
  constructor(page) {
    Object.assign(this, { page, said: element("p", { "aria-live": "polite" }) });
    this.text = new TextView("the text in the colours of the difference of the two models",
      (index) => page.choose(page.panels[0].reader.steps[index].end));
    this.node = element("section", {}, element("h2", {}, "Where the two differ"), this.said, this.text.node,
      legend("bits more for the second", -4, 4));
  }

  render() {
    const [first, second] = this.page.panels, text = this.page.text;
    const [a, b] = [first, second].map((panel) => panel.reader.steps);
    const totals = [first, second].map((panel) => panel.reader.totals().nats / Math.LN2);
    const names = [first, second].map((panel) => panel.description.name);
    const better = totals[0] <= totals[1] ? 0 : 1;
    const alike = a.length === b.length && a.every(({ end }, k) => end === b[k].end);
    this.said.textContent = `${names[better]} needs ${Math.abs(totals[0] - totals[1]).toFixed(1)} bits less `
      + `for the whole text than ${names[1 - better]}.`
      + (alike ? "" : " They split the text differently, so that tokens cannot be compared one by one.");
    const bits = (step) => step.nats / Math.LN2;
    this.text.render(text, alike ? a : [], alike ? first.stepAt(this.page.end) : -1,
      (step, k) => (step.nats === null ? null : (bits(b[k]) - bits(step)) / 4),
      (step, k) => `${bits(step).toFixed(2)} bits and ${bits(b[k]).toFixed(2)} bits`);
  }
}

const models = JSON.parse(document.getElementById("models").textContent);
const page = new Page(models);
page.lay(document.getElementById("page"), document.title);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.render());
addEventListener("resize", () => page.render());
page.begin();
