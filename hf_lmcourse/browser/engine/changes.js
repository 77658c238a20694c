// What a reader has changed in a model: units, gates and heads that are scaled, and the causal mask.

class Changes {
  constructor() {
    this.factors = new Map(); // "unit 0 17" -> 0.5: kind, layer, and which
    this.causal = true; // false: without the mask that the model has
  }

  get none() {
    return this.factors.size === 0 && this.causal;
  }

  set(kind, layer, which, factor) {
    const key = `${kind} ${layer} ${which}`;
    if (factor === 1) this.factors.delete(key);
    else this.factors.set(key, factor);
  }

  of(kind, layer, which) {
    return this.factors.get(`${kind} ${layer} ${which}`) ?? 1;
  }

  /** The factors of all units or heads of a layer; null if all are 1. */
  vector(kind, layer, size) {
    const start = `${kind} ${layer} `;
    if (![...this.factors.keys()].some((key) => key.startsWith(start))) return null;
    return Float32Array.from({ length: size }, (_, which) => this.of(kind, layer, which));
  }
}

const UNCHANGED = Object.freeze(new Changes());
