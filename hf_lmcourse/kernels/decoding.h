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

// Asks for the lines of n floats, which will soon be read.
inline void fetch(const float* p, int64_t n) {
  constexpr int64_t LINE = 64 / sizeof(float);
  for (int64_t i = 0; i < n; i += LINE) __builtin_prefetch(p + i, 0, 2);
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

  // One head of one row, whose text has T tokens before. `scores`: room for T + 1.
  void attend(const Block& block, int64_t b, int64_t head, int64_t T, float* scores) const {
    const int64_t text = b / length;
    const int64_t d = D / heads, at = (text * heads + head) * block.parts[ROOM] * d;
    float *keys = block.memory(KEYS) + at, *values = block.memory(VALUES) + at;
    float *query = scores + scores_room(T + 1, 0), *key = keys + T * d, *value = values + T * d;
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
    const int64_t next = block.parts[ROOM] * d;  // of the next head, whose keys and values come meanwhile
    linear_of_few(query, 1, d, keys, nullptr, {0, T + 1}, [&](int64_t, int64_t t, vec product, int n) {
      fetch(keys + next + t * d, n * d);
      fetch(values + next + t * d, n * d);
      store_some(scores + t, scale * product, n);
    });
    if (mask)
      for (int64_t t = 0; t < std::min(masked, T + 1); ++t)
        if (!mask[text * masked + t]) scores[t] = -INFINITY;
    const float sum = exponentials(scores, T + 1);
    float* y = attended() + to.begin + head * d * to.stride;
    const int64_t vectors = (d + W - 1) / W;
    for (int64_t first = 0; first < vectors; first += GROUP)
      tile_of<GROUP>(vectors - first, first, [&](auto width, int64_t v) {
        vec mean[width()] = {};
        weighted(mean, values + v * W, d, d - v * W, scores, T + 1);
        for (int64_t i = v * W; i < d && i < (v + width()) * W; ++i) {
          const float value = mean[i / W - v][i % W];
          y[i * to.stride] = sum > 0.0f ? value / sum : value;  // 0 where all is padding
        }
      });
  }

  // What `scores` needs for so many tokens: whole vectors, and a query behind them.
  static int64_t scores_room(int64_t tokens, int64_t d) { return (tokens + W - 1) / W * W + d; }

  // e^(x - the largest) in place of each x, and their sum. Up to a whole vector 0 is written.
  static float exponentials(float* x, int64_t count) {
    const int64_t end = (count + W - 1) / W * W;
    std::fill(x + count, x + end, -INFINITY);
    vec largest = all(-INFINITY), sum{};
    for (int64_t t = 0; t < end; t += W) {
      const vec logits = load(x + t);
      largest = logits > largest ? logits : largest;
    }
    float m = largest[0];
    for (int lane = 1; lane < W; ++lane) m = std::max(m, largest[lane]);
    for (int64_t t = 0; t < end; t += W) {
      const vec logits = load(x + t), y = logits < -3e38f ? vec{} : exponential(logits - m);
      store(x + t, y);
      sum += y;
    }
    return total(sum);
  }

  // Of each row of values, of `stride`, the first V vectors, of which n values are there: their sum,
  // weighted. In two sums, that do not wait for each other.
  template <int V>
  static void weighted(vec (&mean)[V], const float* values, int64_t stride, int64_t n,
                       const float* weights, int64_t count) {
    vec sums[2][V] = {};
    const auto add = [&](auto read_last) {
      const auto row = [&](vec (&sum)[V], int64_t t) {
        const float* at = values + t * stride;
#pragma GCC unroll 4
        for (int v = 0; v + 1 < V; ++v) sum[v] += weights[t] * load(at + v * W);
        sum[V - 1] += weights[t] * read_last(at + (V - 1) * W);
      };
      int64_t t = 0;
      for (; t + 2 <= count; t += 2) row(sums[0], t), row(sums[1], t + 1);
      if (t < count) row(sums[0], t);
    };
    const int last = int(std::min<int64_t>(W, n - (V - 1) * W));
    if (last == W)
      add(whole);
    else
      add([&](const float* p) { return load_tail(p, last); });
    for (int v = 0; v < V; ++v) mean[v] = sums[0][v] + sums[1][v];
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

  // By all threads together. `scores`: of each thread room for T + length.
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
