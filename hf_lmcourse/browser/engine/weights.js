// The weights of a model as the page has them: base64 of float16, of int8 with a scale per row, or
// of float32, little-endian.

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SIX_BITS = new Uint8Array(128);
for (let k = 0; k < 64; k++) SIX_BITS[BASE64.charCodeAt(k)] = k;

function bytesOf(base64) {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((base64.length / 4) * 3 - padding);
  for (let from = 0, to = 0; from < base64.length; from += 4) {
    let bits = 0;
    for (let k = 0; k < 4; k++) bits = (bits << 6) | SIX_BITS[base64.charCodeAt(from + k)];
    bytes[to++] = bits >> 16; // what lies beyond the end of the array is dropped
    bytes[to++] = bits >> 8;
    bytes[to++] = bits;
  }
  return bytes;
}

/** The value of every float16; none that is written is infinite or NaN. */
const HALVES = Float32Array.from({ length: 1 << 16 }, (_, bits) => {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

const DECODERS = {
  float32: ({ data }) => new Float32Array(bytesOf(data).buffer),
  float16: ({ data }) => Float32Array.from(new Uint16Array(bytesOf(data).buffer), (h) => HALVES[h]),
  int8: ({ data, scales, shape }) => {
    const whole = new Int8Array(bytesOf(data).buffer);
    const factors = new Float32Array(bytesOf(scales).buffer);
    const columns = whole.length / shape[0];
    return Float32Array.from(whole, (value, k) => value * factors[Math.floor(k / columns)]);
  },
};

/** Tensors by the names that they have in the saved model. */
class Weights {
  constructor(tensors) {
    this.tensors = {};
    for (const [name, tensor] of Object.entries(tensors)) {
      this.tensors[name] = { shape: tensor.shape, values: DECODERS[tensor.dtype](tensor) };
    }
  }

  has(name) {
    return name in this.tensors;
  }

  vector(name) {
    return this.has(name) ? this.tensors[name].values : null;
  }

  matrix(name) {
    return Matrix.of(this.tensors[name]);
  }

  /** x -> W x + b of a linear layer; the identity if the model has no such layer. */
  linear(name) {
    if (!this.has(`${name}.weight`)) return (x) => x;
    const matrix = this.matrix(`${name}.weight`), bias = this.vector(`${name}.bias`);
    return (x) => matrix.times(x, bias);
  }

  norm(name, eps) {
    const parts = { weight: this.vector(`${name}.weight`), bias: this.vector(`${name}.bias`) };
    return (x) => layerNorm(x, parts, eps);
  }
}
