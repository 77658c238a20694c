// The output layer: hidden vector to logits, or to log-probabilities, which serve as logits.

function makeOutputLayer(weights, config) {
  if (config.output_layer === "adaptive") return adaptiveOutput(weights, config);
  const matrix = weights.matrix(
    config.output_layer === "tied" ? "model.embed_tokens.weight" : "lm_head.weight",
  );
  const bias = weights.vector("lm_head.bias");
  const head = (x) => matrix.times(x, bias);
  if (config.num_softmaxes > 1) return mixtureOutput(weights, config, head);
  const project = weights.linear("output_projection");
  return (hidden) => head(project(hidden));
}

/** h_k = tanh(V_k g + c_k), pi = softmax(P g), p(w) = sum_k pi_k softmax(W h_k + b)[w]. */
function mixtureOutput(weights, config, head) {
  const prior = weights.linear("mixture.prior"), latent = weights.linear("mixture.latent");
  return (hidden) => {
    const h = latent(hidden).map(Math.tanh), logPi = logSoftmax(prior(hidden));
    const size = h.length / config.num_softmaxes;
    const parts = Array.from(logPi, (share, k) =>
      logSoftmax(head(h.subarray(k * size, (k + 1) * size))).map((value) => value + share),
    );
    return parts[0].map((_, word) => logSumExp(parts.map((part) => part[word])));
  };
}

/** p_head(w) of a frequent word, p_head(cluster) p(w | cluster) of a rare one. */
function adaptiveOutput(weights, config) {
  const head = weights.linear("lm_head.softmax.head");
  const tails = config.adaptive_cutoffs.map((_, k) => {
    const narrow = weights.linear(`lm_head.softmax.tail.${k}.0`);
    const wide = weights.linear(`lm_head.softmax.tail.${k}.1`);
    return (x) => wide(narrow(x));
  });
  const frequent = config.adaptive_cutoffs[0];
  return (hidden) => {
    const logHead = logSoftmax(head(hidden));
    const clusters = tails.map((tail, k) =>
      logSoftmax(tail(hidden)).map((value) => value + logHead[frequent + k]),
    );
    return concatenated([logHead.subarray(0, frequent), ...clusters]);
  };
}
