// The n-gram network and the bigram network: the embeddings of the last tokens, and hidden layers.

/** What both have: a state of embeddings, the newest first, and a vector for the output layer. */
class WindowModel {
  constructor(family, config, weights) {
    Object.assign(this, { family, config, words: config.context_size ?? 1 });
    this.embeddings = weights.matrix("model.embed_tokens.weight");
    this.logits = makeOutputLayer(weights, config);
  }

  /** Before the first token the embeddings are zero. */
  initialState() {
    const nothing = new Float32Array(this.embeddings.columns);
    return { tokens: [], window: Array(this.words).fill(nothing) };
  }

  /** The state after a token: the window, what each layer makes of it, and what is read out. */
  step(state, token, changes = UNCHANGED) {
    const window = [this.embeddings.row(token), ...state.window].slice(0, this.words);
    const tokens = [token, ...state.tokens].slice(0, this.words);
    const layers = this.layersOf(window, changes);
    return { tokens, window, layers, output: this.output(layers, window) };
  }

  output(layers) {
    return layers.at(-1);
  }

  hidden(state) {
    return state.output;
  }

  scaledUnits(h, layer, changes) {
    return scaled(h, changes.vector("unit", layer, h.length));
  }
}

/** h = sigmoid(x W1 + b1) */
class BigramModel extends WindowModel {
  constructor(family, config, weights) {
    super(family, config, weights);
    this.first = weights.linear("model.hidden.projection");
  }

  layersOf([x], changes) {
    return [this.scaledUnits(this.first(x).map(sigmoid), 0, changes)];
  }
}

/** h_t = phi(d + H_0 x_t + H_1 x_{t-1} + ...), and further layers y = x + phi(W norm(x) + b) */
class NGramModel extends WindowModel {
  constructor(family, config, weights) {
    super(family, config, weights);
    this.H = NGramModel.newestFirst(weights.tensors["model.window.projection.weight"]);
    this.d = weights.vector("model.window.projection.bias");
    this.further = Array.from({ length: config.num_hidden_layers - 1 }, (_, k) => ({
      norm: config.residual ? weights.norm(`model.layers.${k}.norm`, 1e-5) : null,
      projection: weights.linear(`model.layers.${k}.projection`),
    }));
  }

  /** The matrix of a window whose embeddings are end to end, from a convolution over time. */
  static newestFirst({ shape: [rows, size, words], values }) {
    const result = new Float32Array(values.length);
    for (let k = 0; k < values.length; k++) {
      const word = words - 1 - (k % words), column = Math.floor(k / words) % size;
      result[Math.floor(k / (size * words)) * size * words + word * size + column] = values[k];
    }
    return new Matrix(result, rows, size * words);
  }

  layersOf(window, changes) {
    const phi = ACTIVATIONS[this.config.hidden_act];
    const first = this.H.times(concatenated(window), this.d).map((value) => phi(value));
    const layers = [this.scaledUnits(first, 0, changes)];
    for (const { norm, projection } of this.further) {
      const x = layers.at(-1), y = projection(norm ? norm(x) : x).map((value) => phi(value));
      layers.push(this.scaledUnits(norm ? plus(x, y) : y, layers.length, changes));
    }
    return layers;
  }

  /** With direct connections the window follows the hidden vector. */
  output(layers, window) {
    const h = layers.at(-1);
    return this.config.direct_connections ? concatenated([h, ...window]) : h;
  }
}
