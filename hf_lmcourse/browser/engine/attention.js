// Multi-head attention of one query, positions, and which keys a query may look at.

/** Whether a query may look at a key so many positions back, by the pattern of the model. */
const PATTERNS = {
  full: () => true,
  local: (distance, window) => distance < window,
  strided: (distance, stride) => distance <= stride || distance % stride === 0,
  log_sparse: (distance) => distance === 0 || Number.isInteger(Math.log2(distance)),
};

/**
 * A = softmax(q K^T / sqrt(d/h)) and A V of each head; `keys` and `values` have a vector of all
 * heads for each position, and `allowed` says which of them the query sees.
 */
function attend(q, keys, values, heads, allowed, factors) {
  const size = q.length / heads, y = new Float32Array(q.length), weights = [];
  for (let head = 0; head < heads; head++) {
    const from = head * size, to = from + size, query = q.subarray(from, to);
    const scores = keys.map((key, position) =>
      allowed(position) ? dot(query, key.subarray(from, to)) / Math.sqrt(size) : -Infinity,
    );
    const A = softmax(Float32Array.from(scores));
    A.forEach((share, position) => {
      if (share === 0) return;
      const value = values[position];
      for (let k = from; k < to; k++) y[k] += share * value[k];
    });
    weights.push(A);
  }
  if (factors) for (let k = 0; k < y.length; k++) y[k] *= factors[Math.floor(k / size)];
  return { y, weights };
}

/** Angles of a position: t base^(-2i / size). In float32, as the package computes them. */
function positionAngles(position, size, base) {
  return Float32Array.from({ length: size / 2 }, (_, i) =>
    position * Math.fround(base ** -((2 * i) / size)));
}

/** p[2i] = sin, p[2i + 1] = cos of the angles. */
function sinusoidalPosition(position, size) {
  const angles = positionAngles(position, size, 10000);
  return Float32Array.from({ length: size }, (_, k) =>
    (k % 2 ? Math.cos : Math.sin)(angles[k >> 1]));
}

/** Turn feature i of the first half and of the second half of each head by the angle of i. */
function rotate(x, heads, position, base) {
  const size = x.length / heads, half = size / 2;
  const angles = positionAngles(position, size, base);
  return x.map((value, k) => {
    const within = k % size, angle = angles[within % half];
    return within < half
      ? value * Math.cos(angle) - x[k + half] * Math.sin(angle)
      : x[k - half] * Math.sin(angle) + value * Math.cos(angle);
  });
}
