// One new token through all blocks of a causal Transformer, in float32: the equations are in
// attention.py, feed_forward.py, positions.py and models/transformer/transformer_block.py.
//
// A token needs little arithmetic, and some thirty calls of torch a block cost more than it. Here
// is one call; the threads share the outputs of each linear map, and in attention the heads.
//
// Shapes: B rows of the batch, D features, I inside the feed-forward network, `heads` of
// d = D / heads features; T keys in the cache, and the new one behind them.

#include "linear.h"

#include <cmath>

namespace {

// Of a block, in the order of compiled_decoding.py. Keys and values: (B, heads, ROOM, d), of which
// the first T are there.
enum Part {
  NORM, NORM_BIAS, QKV, QKV_BIAS, OUT, OUT_BIAS, NORM_2, NORM_2_BIAS,
  UP, UP_BIAS, DOWN, DOWN_BIAS, GATE, GATE_BIAS, KEYS, VALUES, ROOM, PARTS
};
struct Block {
  const int64_t* parts;  // addresses, and one number

  const float* operator[](Part part) const { return memory(part); }
  float* memory(Part part) const { return reinterpret_cast<float*>(parts[part]); }
};
enum Activation { GELU, RELU, SWIGLU };

constexpr int64_t WORTH_THREADS = 1 << 19;  // a block with less is done before they have met

// e^(-z^2) times a polynomial: Abramowitz and Stegun 7.1.26, 1.5e-7 at most from erf.
inline vec gelu(vec x) {
  const vec size = (x < 0.0f ? -x : x) * 0.70710678f, t = 1.0f / (1.0f + 0.3275911f * size);
  vec p = all(1.061405429f);
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const vec tail = 0.5f * p * t * exponential(-size * size);  // 1 - Phi(|x|)
  return x * (x < 0.0f ? tail : 1.0f - tail);
}

void normalise(const float* x, float* y, int64_t D, const float* weight, const float* bias,
               float epsilon) {
  vec sum{}, squares{};
  for (int64_t i = 0; i < D; i += W) sum += load_some(x + i, D - i);
  const float mean = total(sum) / D;
  for (int64_t i = 0; i < D; ++i) y[i] = x[i] - mean;
  for (int64_t i = 0; i < D; i += W) {
    const vec centred = load_some(y + i, D - i);
    squares += centred * centred;
  }
  const float scale = 1.0f / std::sqrt(total(squares) / D + epsilon);
  for (int64_t i = 0; i < D; ++i) y[i] = y[i] * scale * weight[i] + bias[i];
}

struct Decoder {
  float* x;                // (B, D), in and out
  const float *cos, *sin;  // (B, d / 2) or null
  const uint8_t* mask;     // (B, T + 1) or null
  int64_t B, D, I, heads, T;
  float epsilon;
  Activation activation;
  float *normal, *qkv, *attended, *inside;  // (B, D), (B, 3D), (B, D), (B, I)
  Rows rows;

  void turn(float* head, int64_t b) const {
    const int64_t half = D / heads / 2;
    for (int64_t i = 0; i < half; ++i) {
      const float c = cos[b * half + i], s = sin[b * half + i];
      const float first = head[i], second = head[half + i];
      head[i] = first * c - second * s;
      head[half + i] = first * s + second * c;
    }
  }

  // One head of one row. `scores`: T + 1.
  void attend(const Block& block, int64_t b, int64_t head, float* scores) const {
    const int64_t d = D / heads, at = (b * heads + head) * block.parts[ROOM] * d;
    float *keys = block.memory(KEYS) + at, *values = block.memory(VALUES) + at;
    float *q = qkv + b * 3 * D + head * d, *k = q + D, *v = q + 2 * D;
    if (cos) {
      turn(q, b);
      turn(k, b);
    }
    std::memcpy(keys + T * d, k, d * sizeof(float));
    std::memcpy(values + T * d, v, d * sizeof(float));
    const float scale = 1.0f / std::sqrt(float(d));
    over_rows(T + 1, [&](auto some, int64_t t) {
      float product[some()][1];
      products(product, keys + t * d, q, d);
      for (int i = 0; i < some(); ++i) scores[t + i] = scale * product[i][0];
    });
    float largest = -INFINITY;
    for (int64_t t = 0; t <= T; ++t) {
      if (mask && !mask[b * (T + 1) + t]) scores[t] = -INFINITY;
      if (scores[t] > largest) largest = scores[t];
    }
    vec sum{};
    for (int64_t t = 0; t <= T; t += W) {
      const int n = T + 1 - t < W ? T + 1 - t : W;
      const vec logits = load_some(scores + t, n);
      store_some(scores + t, logits < -3e38f ? vec{} : exponential(logits - largest), n);
      sum += load_some(scores + t, n);
    }
    const float all_weights = total(sum);
    for (int64_t i = 0; i < d; i += W) {
      vec y{};
      for (int64_t t = 0; t <= T; ++t) y += scores[t] * load_some(values + t * d + i, d - i);
      if (all_weights > 0.0f) y /= all_weights;  // 0 where all is padding
      store_some(attended + b * D + head * d + i, y, d - i);
    }
  }

  void normalise_rows(const float* weight, const float* bias) const {
    const Share mine = share(B);
    for (int64_t b = mine.begin; b < mine.end; ++b)
      normalise(x + b * D, normal + b * D, D, weight, bias, epsilon);
#pragma omp barrier
  }

  void add_to_stream(const float* branch, int64_t depth, const float* matrix,
                     const float* bias) const {
    rows.linear(rows.inputs(branch, depth), depth, matrix, bias, share(D),
                [&](int64_t b, int64_t o, float y) { x[b * D + o] += y; });
#pragma omp barrier
  }

  void feed_forward(const Block& part) const {
    const Share mine = share(I);
    const float* normals = rows.inputs(normal, D);
    rows.linear(normals, D, part[UP], part[UP_BIAS], mine,
                [&](int64_t b, int64_t o, float y) { inside[b * I + o] = y; });
    if (activation == SWIGLU)
      rows.linear(normals, D, part[GATE], part[GATE_BIAS], mine,
                  [&](int64_t b, int64_t o, float y) {
                    inside[b * I + o] *= y / (1.0f + std::exp(-y));
                  });
    else
      for (int64_t b = 0; b < B; ++b)
        for (int64_t o = mine.begin; o < mine.end; o += W) {
          float* at = inside + b * I + o;
          const vec y = load_some(at, mine.end - o);
          store_some(at, activation == GELU ? gelu(y) : (y > 0.0f ? y : vec{}), mine.end - o);
        }
#pragma omp barrier
  }

  // By all threads together.
  void decode(const Block& part, float* scores) const {
    normalise_rows(part[NORM], part[NORM_BIAS]);
    rows.linear(rows.inputs(normal, D), D, part[QKV], part[QKV_BIAS], share(3 * D),
                [&](int64_t b, int64_t o, float y) { qkv[b * 3 * D + o] = y; });
#pragma omp barrier
    const Share mine = share(B * heads);
    for (int64_t i = mine.begin; i < mine.end; ++i)
      attend(part, i / heads, i % heads, scores);
#pragma omp barrier
    add_to_stream(attended, D, part[OUT], part[OUT_BIAS]);
    normalise_rows(part[NORM_2], part[NORM_2_BIAS]);
    feed_forward(part);
    add_to_stream(inside, I, part[DOWN], part[DOWN_BIAS]);
  }
};

}  // namespace

extern "C" void decode_float32(const int64_t* parts, float* x, const float* cos, const float* sin,
                               const uint8_t* mask, const float* epsilon, int64_t blocks,
                               int64_t B, int64_t D, int64_t I, int64_t heads, int64_t T,
                               int64_t activation, int threads) {
  const int64_t products_of_a_block = B * D * (4 * D + 2 * I);
  if (products_of_a_block < WORTH_THREADS) threads = 1;
  std::vector<float> space(B * (5 * D + I) + Rows::room(B, D > I ? D : I));
  float *normal = space.data(), *qkv = normal + B * D;
  float *attended = qkv + 3 * B * D, *inside = attended + B * D;
  const Rows rows{B, inside + B * I};
  const Decoder decoder{x, cos, sin, mask, B, D, I, heads, T, *epsilon, Activation(activation),
                        normal, qkv, attended, inside, rows};
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> scores(T + 1);
    for (int64_t n = 0; n < blocks; ++n)
      decoder.decode(Block{parts + n * PARTS}, scores.data());
  }
}
