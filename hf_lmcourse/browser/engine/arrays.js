// Products and functions of vectors: Float32Array in, Float32Array out.

/** A matrix, its rows end to end. */
class Matrix {
  constructor(values, rows, columns) {
    Object.assign(this, { values, rows, columns });
  }

  /** The matrix of a decoded tensor; further axes are part of a row. */
  static of({ shape, values }) {
    return new Matrix(values, shape[0], values.length / shape[0]);
  }

  row(index) {
    return this.values.subarray(index * this.columns, (index + 1) * this.columns);
  }

  /** M x + bias. Four rows at once: each has a sum of its own, so that none waits for another. */
  times(x, bias = null) {
    const { rows, columns } = this, full = rows - (rows % 4);
    this.views ??= Array.from({ length: rows }, (_, r) => this.row(r));
    const result = new Float32Array(rows);
    for (let r = 0; r < full; r += 4) {
      const a = this.views[r], b = this.views[r + 1], c = this.views[r + 2], d = this.views[r + 3];
      let p = 0, q = 0, s = 0, t = 0;
      for (let k = 0; k < columns; k++) {
        const value = x[k];
        p += a[k] * value;
        q += b[k] * value;
        s += c[k] * value;
        t += d[k] * value;
      }
      result[r] = p;
      result[r + 1] = q;
      result[r + 2] = s;
      result[r + 3] = t;
    }
    for (let r = full; r < rows; r++) result[r] = dot(this.views[r], x);
    return bias ? plus(result, bias) : result;
  }
}

function dot(x, y) {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += x[k] * y[k];
  return sum;
}

const plus = (x, y) => x.map((value, k) => value + y[k]);
const scaled = (x, factors) => (factors ? x.map((value, k) => value * factors[k]) : x);

function concatenated(parts) {
  const result = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    result.set(part, place);
    place += part.length;
  }
  return result;
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The error function, to 1.2e-7 (Press et al. 1992, Numerical Recipes in C, section 6.2). */
function erf(x) {
  const t = 1 / (1 + Math.abs(x) / 2);
  const terms = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
    1.48851587, -0.82215223, 0.17087277,
  ];
  const polynomial = terms.reduceRight((sum, term) => sum * t + term, 0);
  const rest = t * Math.exp(-x * x + polynomial);
  return x >= 0 ? 1 - rest : rest - 1;
}

/** Activations by their names in a config. */
const ACTIVATIONS = {
  tanh: Math.tanh,
  sigmoid,
  relu: (x) => Math.max(0, x),
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x * sigmoid(x),
  linear: (x) => x,
};

/** log of the sum of exp(x), without overflow. */
function logSumExp(x) {
  let largest = -Infinity;
  for (const value of x) if (value > largest) largest = value;
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += Math.exp(x[k] - largest);
  return largest + Math.log(sum);
}

function logSoftmax(x) {
  const norm = logSumExp(x);
  return x.map((value) => value - norm);
}

/** log(p / (1 - p)) for the probability p that a softmax gives one of its classes. */
function logOdds(x, index) {
  const logP = logSoftmax(x), others = logP.filter((_, k) => k !== index);
  const largest = Math.max(...others);
  const sum = others.reduce((total, value) => total + Math.exp(value - largest), 0);
  return logP[index] - largest - Math.log(sum);
}

const softmax = (x) => logSoftmax(x).map(Math.exp);

/** (x - mean) / sqrt(variance + eps) * weight + bias. */
function layerNorm(x, { weight, bias }, eps) {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  const norm = 1 / Math.sqrt(variance + eps);
  return x.map((value, k) => (value - mean) * norm * weight[k] + bias[k]);
}
