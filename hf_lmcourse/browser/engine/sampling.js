// The next token: its distribution at a temperature, and draws that a seed repeats.

/** mulberry32: a generator of numbers in [0, 1) from a seed of 32 bits. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The most likely tokens first: [{ id, p }], p of softmax(logits). */
function likeliest(logits, count) {
  const p = softmax(logits);
  const ids = Array.from(p, (_, id) => id).sort((a, b) => p[b] - p[a] || a - b);
  return ids.slice(0, count).map((id) => ({ id, p: p[id] }));
}

/** Draw from softmax(logits / temperature), among the `topK` likeliest tokens if it is not 0. */
function draw(logits, { temperature, topK, allowed }, random) {
  const scores = logits.map((value, id) => (allowed(id) ? value / temperature : -Infinity));
  const candidates = likeliest(scores, topK || scores.length);
  let left = random() * candidates.reduce((sum, { p }) => sum + p, 0);
  for (const { id, p } of candidates) {
    left -= p;
    if (left < 0) return id;
  }
  return candidates[0].id;
}
