// char-RNN, LSTM and GRU: embeddings, layers of a cell, output layer.

/** One layer: W x + b of each token is computed once, as a text repeats its tokens. */
class RecurrentLayer {
  constructor(weights, name, cell, config, layer) {
    Object.assign(this, { cell, config, layer, size: config.hidden_size });
    this.input = weights.linear(`${name}.input_projection`);
    this.recur = weights.linear(`${name}.recurrent_projection`);
  }

  initialState() {
    return Object.fromEntries(this.cell.state.map((name) => [name, new Float32Array(this.size)]));
  }

  /** All letters of the equation after one step; `before` is what a step returned. */
  step(a, before, changes) {
    const factor = (name) => changes.of("gate", this.layer, name);
    const after = this.cell.step(a, this.recur(before.h), before, factor, this.config);
    after.h = scaled(after.h, changes.vector("unit", this.layer, this.size));
    return after;
  }
}

class RecurrentModel {
  constructor(family, config, weights) {
    Object.assign(this, { family, config, cell: CELLS[family] });
    this.embeddings = weights.matrix("model.embed_tokens.weight");
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, layer) =>
      new RecurrentLayer(weights, `model.layers.${layer}`, this.cell, config, layer));
    this.logits = makeOutputLayer(weights, config);
    this.inputs = new Map(); // W x + b of the first layer, by token
  }

  initialState() {
    return this.layers.map((layer) => layer.initialState());
  }

  /** The state after a token: for each layer the letters of its equation. It is not changed. */
  step(state, token, changes = UNCHANGED) {
    let a = this.inputs.get(token);
    if (!a) this.inputs.set(token, (a = this.layers[0].input(this.embeddings.row(token))));
    return this.layers.map((layer, index, { length }) => {
      const after = layer.step(a, state[index], changes);
      if (index + 1 < length) a = this.layers[index + 1].input(after.h);
      return after;
    });
  }

  hidden(state) {
    return state.at(-1).h;
  }
}
