// The causal Transformer: x = x + Attention(LayerNorm(x)), x = x + FeedForward(LayerNorm(x)).

class TransformerBlock {
  constructor(weights, layer, config) {
    Object.assign(this, { layer, config, heads: config.num_attention_heads });
    const name = `model.layers.${layer}`, eps = config.layer_norm_eps;
    this.attentionNorm = weights.norm(`${name}.attention_norm`, eps);
    this.qkv = weights.linear(`${name}.attention.qkv_proj`);
    this.combine = weights.linear(`${name}.attention.o_proj`);
    this.feedForwardNorm = weights.norm(`${name}.feed_forward_norm`, eps);
    this.up = weights.linear(`${name}.feed_forward.up_proj`);
    this.gate = weights.linear(`${name}.feed_forward.gate_proj`); // of SwiGLU alone
    this.down = weights.linear(`${name}.feed_forward.down_proj`);
  }

  /** Query, key and value of a position. */
  project(x, position) {
    const [q, k, v] = [0, 1, 2].map((part) => chunk(this.qkv(this.attentionNorm(x)), 3, part));
    if (this.config.position_embedding_type !== "rotary") return { q, k, v };
    const turn = (vector) => rotate(vector, this.heads, position, this.config.rope_theta);
    return { q: turn(q), k: turn(k), v };
  }

  /** What goes on to the next block, and the attention weights of each head. */
  finish(x, q, keys, values, position, causal, changes) {
    const { attention_pattern: pattern, attention_window: window } = this.config;
    const allowed = (key) =>
      !causal || (key <= position && PATTERNS[pattern](position - key, window));
    const factors = changes.vector("head", this.layer, this.heads);
    const { y, weights } = attend(q, keys, values, this.heads, allowed, factors);
    const attended = plus(x, this.combine(y));
    return { x: plus(attended, this.feedForward(this.feedForwardNorm(attended))), weights };
  }

  feedForward(x) {
    const act = this.config.hidden_act, up = this.up(x);
    if (act !== "swiglu") return this.down(up.map((value) => ACTIVATIONS[act](value)));
    const open = this.gate(x).map(ACTIVATIONS.silu);
    return this.down(up.map((value, k) => value * open[k]));
  }
}

class TransformerModel {
  constructor(family, config, weights) {
    Object.assign(this, { family, config, longest: config.max_position_embeddings });
    this.embeddings = weights.matrix("model.embed_tokens.weight");
    this.embed = weights.linear("model.embedding_projection");
    if (config.position_embedding_type === "learned") {
      this.positions = weights.matrix("model.embed_positions.weight");
    }
    this.blocks = Array.from({ length: config.num_hidden_layers }, (_, layer) =>
      new TransformerBlock(weights, layer, config));
    this.norm = weights.norm("model.norm", config.layer_norm_eps);
    this.logits = makeOutputLayer(weights, config);
  }

  /** Whether a position sees those after it, so that a text is read as a whole. */
  looksAhead(changes) {
    return !this.config.is_causal || !changes.causal;
  }

  initialState() {
    return this.emptyWindow(0);
  }

  emptyWindow(start) {
    const layers = this.blocks.map(() => ({ keys: [], values: [], weights: null }));
    return { start, tokens: [], layers, output: null };
  }

  /** The state after a token: keys and values of the window, and each head's weights. */
  step(state, token, changes = UNCHANGED) {
    const tokens = [...state.tokens, token];
    if (tokens.length > this.longest) { // forget the older half, as the package does
      const stride = Math.max(1, Math.floor(this.longest / 2));
      const first = this.emptyWindow(state.start + stride);
      return tokens.slice(stride).reduce((s, t) => this.step(s, t, changes), first);
    }
    const position = state.tokens.length;
    let x = this.placed(token, position);
    const layers = this.blocks.map((block, index) => {
      const { q, k, v } = block.project(x, position);
      const keys = [...state.layers[index].keys, k], values = [...state.layers[index].values, v];
      const done = block.finish(x, q, keys, values, position, true, changes);
      x = done.x;
      return { keys, values, weights: done.weights };
    });
    return { start: state.start, tokens, layers, output: this.norm(x) };
  }

  /** The states after all tokens of a window, each of which sees all of them. */
  readWhole(tokens, changes, start = 0) {
    let xs = tokens.map((token, position) => this.placed(token, position));
    const states = tokens.map((_, place) => ({ start, tokens: tokens.slice(0, place + 1), layers: [] }));
    for (const block of this.blocks) {
      const projected = xs.map((x, position) => block.project(x, position));
      const keys = projected.map(({ k }) => k), values = projected.map(({ v }) => v);
      xs = xs.map((x, position) => {
        const done = block.finish(x, projected[position].q, keys, values, position, false, changes);
        states[position].layers.push({ keys, values, weights: done.weights });
        return done.x;
      });
    }
    return states.map((state, position) => ({ ...state, output: this.norm(xs[position]) }));
  }

  placed(token, position) {
    const x = this.embed(this.embeddings.row(token)), size = this.config.hidden_size;
    if (this.positions) return plus(x, this.positions.row(position));
    if (this.config.position_embedding_type !== "sinusoidal") return x;
    return plus(x.map((value) => value * Math.sqrt(size)), sinusoidalPosition(position, size));
  }

  hidden(state) {
    return state.output;
  }
}
