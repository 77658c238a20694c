// The deep averaging network: the mean of a text's word vectors, layers on top of it, a class.

const NGRAM_MULTIPLIER = 116049371n;

/** The buckets of the n-grams of a text, n = 2, 3, ..., in integers of 64 bits as the package. */
function hashedNGrams(words, longest, buckets) {
  const found = [], size = BigInt(buckets);
  let hashes = words.map((word) => BigInt(word) + 1n);
  for (let n = 2; n <= longest; n++) {
    hashes = words.slice(n - 1).map((word, k) =>
      BigInt.asIntN(64, hashes[k] * NGRAM_MULTIPLIER + BigInt(word)));
    found.push(...hashes.map((hash) => Number(((hash % size) + size) % size)));
  }
  return found;
}

class AveragingModel {
  constructor(family, config, weights) {
    Object.assign(this, { family, config });
    this.bags = [["model.embed_tokens.weight", "model.word_ratios"]];
    if (config.ngram_buckets) this.bags.push(["model.embed_ngrams.weight", "model.ngram_ratios"]);
    this.bags = this.bags.map(([table, ratios]) => ({
      vectors: weights.matrix(table),
      ratios: weights.vector(ratios),
    }));
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, k) =>
      weights.linear(`model.layers.${k}`));
    this.classifier = weights.linear("classifier");
  }

  /** z_0 = 1/|X|^a sum over w in X of r_w v_w */
  mean(words) {
    const { distinct_words: distinct, max_ngram: longest, ngram_buckets: buckets } = this.config;
    const bags = [words, ...(buckets ? [hashedNGrams(words, longest, buckets)] : [])];
    const sum = new Float64Array(this.bags[0].vectors.columns);
    let number = 0;
    bags.forEach((ids, bag) => {
      const { vectors, ratios } = this.bags[bag];
      for (const id of distinct ? new Set(ids) : ids) {
        const vector = vectors.row(id), ratio = ratios ? ratios[id] : 1;
        for (let k = 0; k < sum.length; k++) sum[k] += ratio * vector[k];
        number++;
      }
    });
    const divisor = Math.max(1, number) ** this.config.length_exponent;
    return Float32Array.from(sum, (value) => value / divisor);
  }

  /** z_0, z_1, ... and the logits of the classes. */
  classify(words, changes = UNCHANGED) {
    const act = ACTIVATIONS[this.config.hidden_act];
    const z = [this.mean(words)];
    this.layers.forEach((layer, index) => {
      const next = layer(z.at(-1)).map((value) => act(value));
      z.push(scaled(next, changes.vector("unit", index, next.length)));
    });
    return { z, logits: this.classifier(z.at(-1)) };
  }

  /** Log-odds of a class with all words less those without each; equal distinct words go together. */
  contributions(words, predicted, changes = UNCHANGED) {
    const score = (some) => logOdds(this.classify(some, changes).logits, predicted);
    const whole = score(words), distinct = this.config.distinct_words;
    return words.map((word, place) =>
      whole - score(words.filter((other, k) => (distinct ? other !== word : k !== place))));
  }
}
