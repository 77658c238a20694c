// A text read by a model: the surprisal of each token, and the state after it.

class Reader {
  constructor(model, tokenizer) {
    Object.assign(this, { model, tokenizer, changes: UNCHANGED });
    this.forget();
  }

  /** Begin again; `changes` are those that the model is read with from now on. */
  forget(changes = this.changes) {
    const { line_end: start } = this.tokenizer; // a text is predicted from a line end, if there is one
    this.changes = changes;
    this.steps = [];
    this.started = start !== null;
    this.state = this.model.initialState(); // before the first token
    if (this.started) this.state = this.model.step(this.state, start, changes);
  }

  /** Bring the steps to these tokens, at most `milliseconds` long; whether they are there. */
  read(tokens, milliseconds = Infinity) {
    if (this.model.looksAhead?.(this.changes)) return this.readAhead(tokens);
    const end = Date.now() + milliseconds;
    let kept = 0;
    while (kept < this.steps.length && this.steps[kept].id === tokens[kept]?.id) kept++;
    this.steps.length = kept;
    for (let k = 0; k < kept; k++) Object.assign(this.steps[k], tokens[k]);
    while (this.steps.length < tokens.length) {
      if (Date.now() > end) return false;
      const token = tokens[this.steps.length], before = this.stateAfter(this.steps.length - 1);
      this.add(token, before, this.model.step(before, token.id, this.changes));
    }
    return true;
  }

  /** Without a mask: window by window, each of which is seen as a whole from the beginning. */
  readAhead(tokens) {
    const ids = tokens.map(({ id }) => id), { longest } = this.model, states = [];
    if (this.started) ids.unshift(this.tokenizer.line_end);
    for (let start = 0; start < ids.length; start += longest) {
      states.push(...this.model.readWhole(ids.slice(start, start + longest), this.changes, start));
    }
    this.steps = [];
    if (this.started) this.state = states.shift();
    tokens.forEach((token, k) => this.add(token, this.stateAfter(k - 1), states[k]));
    return true;
  }

  add(token, before, state) {
    const first = this.steps.length === 0 && !this.started;
    const predicted = !first && token.id !== this.tokenizer.context_only;
    const nats = predicted ? -logSoftmax(this.logitsOf(before))[token.id] : null;
    this.steps.push({ ...token, nats, state });
  }

  /** The state after a step; that before the text for -1. */
  stateAfter(step) {
    return step < 0 ? this.state : this.steps[step].state;
  }

  logitsOf(state) {
    return this.model.logits(this.model.hidden(state));
  }

  /** Logits of the token after a step; null where there is nothing to predict from. */
  logitsAfter(step) {
    return step < 0 && !this.started ? null : this.logitsOf(this.stateAfter(step));
  }

  /** Sums over the predicted tokens. */
  totals() {
    const scored = this.steps.filter(({ nats }) => nats !== null);
    const nats = scored.reduce((sum, step) => sum + step.nats, 0);
    const unknown = scored.filter(({ id }) => id === this.tokenizer.unknown).length;
    return { nats, tokens: scored.length, unknown };
  }
}
