// New tokens of some texts through the blocks of a causal Transformer, in float32: the equations are
// in attention.py, feed_forward.py, positions.py and models/transformer/transformer_block.py.
//
// The threads share the outputs of each linear map, and in attention the heads.
//
// Shapes: B rows, `length` new tokens of each text; D features, I inside the feed-forward network,
// `heads` of d = D / heads features; T keys in the cache, and the new ones behind them.

#pragma once

#include "normal.h"

namespace {

// Of a block, in the order of decoding_cpp.py. Keys and values: (texts, heads, ROOM, d), of which
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

struct Decoder {
  const float *cos, *sin;  // (positions, d / 2) or null
  const int64_t* places;   // (B): which position each row is at
  const uint8_t* mask;     // (texts, masked) or null: 0 at padding, which later tokens are not
  int64_t masked, B, length, D, I, heads;
  float epsilon;
  Activation activation;
  float* space;  // `room`, for at most so many threads

  static int64_t room(int64_t B, int64_t D, int64_t I, int threads) {
    return Rows::room(B, 5 * D + 2 * I) + Normal::room(B, D, threads);
  }

  Rows rows() const { return {B, nullptr}; }
  float* x() const { return space; }                                     // D features: in and out
  float* qkv() const { return space + Rows::room(B, D); }                // 3D
  float* attended() const { return space + Rows::room(B, 4 * D); }       // D
  float* inside() const { return space + Rows::room(B, 5 * D); }         // I
  float* gate() const { return space + Rows::room(B, 5 * D + I); }       // I
  Normal normal() const { return {rows(), D, epsilon, space + Rows::room(B, 5 * D + 2 * I)}; }

  void turn(float* head, int64_t b) const {
    const int64_t half = D / heads / 2;
    for (int64_t i = 0; i < half; ++i) {
      const float c = cos[places[b] * half + i], s = sin[places[b] * half + i];
      const float first = head[i], second = head[half + i];
      head[i] = first * c - second * s;
      head[half + i] = first * s + second * c;
    }
  }

  // One head of one row, whose text has T tokens before. `scores`: T + 1, and behind it `query`: d.
  void attend(const Block& block, int64_t b, int64_t head, int64_t T, float* scores) const {
    const int64_t text = b / length;
    const int64_t d = D / heads, at = (text * heads + head) * block.parts[ROOM] * d;
    float *keys = block.memory(KEYS) + at, *values = block.memory(VALUES) + at;
    float *query = scores + T + 1, *key = keys + T * d, *value = values + T * d;
    const Rows::Place from = rows().place(b, 3 * D), to = rows().place(b, D);
    const auto read = [&](float* out, int64_t first) {
      const float* in = qkv() + from.begin + (first + head * d) * from.stride;
      for (int64_t i = 0; i < d; ++i) out[i] = in[i * from.stride];
    };
    read(query, 0);
    read(key, D);
    read(value, 2 * D);
    if (cos) {
      turn(query, b);
      turn(key, b);
    }
    const float scale = 1.0f / std::sqrt(float(d));
    over_rows(T + 1, [&](auto some, int64_t t) {
      float product[some()][1];
      products(product, keys + t * d, query, d);
      for (int i = 0; i < some(); ++i) scores[t + i] = scale * product[i][0];
    });
    if (mask)
      for (int64_t t = 0; t < std::min(masked, T + 1); ++t)
        if (!mask[text * masked + t]) scores[t] = -INFINITY;
    const float sum = exponentials(scores, T + 1);
    float* y = attended() + to.begin + head * d * to.stride;
    for (int64_t i = 0; i < d; i += W) {
      const int n = int(std::min<int64_t>(W, d - i));
      vec mean = weighted(values + i, d, n, scores, T + 1);
      if (sum > 0.0f) mean /= sum;  // 0 where all is padding
      for (int lane = 0; lane < n; ++lane) y[(i + lane) * to.stride] = mean[lane];
    }
  }

  // e^(x - the largest) in place of each x, and their sum.
  static float exponentials(float* x, int64_t count) {
    float largest = -INFINITY;
    for (int64_t t = 0; t < count; ++t)
      if (x[t] > largest) largest = x[t];
    vec sum{};
    for (int64_t t = 0; t < count; t += W) {
      const int n = int(std::min<int64_t>(W, count - t));
      const vec logits = load_some(x + t, n);
      store_some(x + t, logits < -3e38f ? vec{} : exponential(logits - largest), n);
      sum += load_some(x + t, n);
    }
    return total(sum);
  }

  // The sum of n <= W values of each row, weighted; in several sums, that do not wait for each other.
  static vec weighted(const float* values, int64_t stride, int n, const float* weights,
                      int64_t count) {
    constexpr int SUMS = 4;
    vec sums[SUMS] = {};
    const auto add = [&](auto read) {
      int64_t t = 0;
      for (; t + SUMS <= count; t += SUMS)
        for (int s = 0; s < SUMS; ++s) sums[s] += weights[t + s] * read(values + (t + s) * stride);
      for (; t < count; ++t) sums[0] += weights[t] * read(values + t * stride);
    };
    if (n == W)
      add(load);
    else
      add([&](const float* p) { return load_tail(p, n); });
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  // By all threads together.
  void feed_forward(const Block& part) const {
    const Share mine = share(I);
    const float* normals = normal()(x(), part[NORM_2], part[NORM_2_BIAS]);
    rows().map<false>(normals, D, part[UP], part[UP_BIAS], mine, inside(), I);
    if (activation == SWIGLU)
      rows().map<false>(normals, D, part[GATE], part[GATE_BIAS], mine, gate(), I);
    rows().over_values(I, mine, [&](int64_t at, int n) {
      const vec y = load_some(inside() + at, n);
      if (activation == SWIGLU) {
        const vec z = load_some(gate() + at, n);
        store_some(inside() + at, y * (z * sigmoid(z)), n);
      } else {
        store_some(inside() + at, activation == GELU ? gelu(y) : relu(y), n);
      }
    });
#pragma omp barrier
    rows().map<true>(inside(), I, part[DOWN], part[DOWN_BIAS], share(D), x(), D);
#pragma omp barrier
  }

  // By all threads together. `scores`: T + length + d of each thread.
  void decode(const Block& part, int64_t T, float* scores) const {
    const float* normals = normal()(x(), part[NORM], part[NORM_BIAS]);
    rows().map<false>(normals, D, part[QKV], part[QKV_BIAS], share(3 * D), qkv(), 3 * D);
#pragma omp barrier
    const Share mine = share(B / length * heads);
    for (int64_t i = mine.begin; i < mine.end; ++i)
      for (int64_t n = 0; n < length; ++n)  // one after another: a token sees those before it
        attend(part, i / heads * length + n, i % heads, T + n, scores);
#pragma omp barrier
    rows().map<true>(attended(), D, part[OUT], part[OUT_BIAS], share(D), x(), D);
#pragma omp barrier
    feed_forward(part);
  }
};

}  // namespace
