// Linear maps of few rows and of many, in float32, for kernels that compute one token at a time.

#pragma once

#include "lanes.h"

#include <algorithm>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace {

inline vec relu(vec x) { return x < 0.0f ? vec{} : x; }  // what is no number stays so

// What reads a whole vector, as an argument: a function would be called.
constexpr auto whole = [](const float* p) { return load(p); };

// The first n < W values: load_some copies so few by a call.
inline vec load_tail(const float* p, int n) {
#ifdef __AVX512F__
  return (vec)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
#else
  return load_some(p, n);
#endif
}

// Of R rows of x the products with V rows of a matrix, in the first lanes.
template <int R, int V>
inline void products(vec (&y)[R], const float* x, const float* matrix, int64_t depth) {
  vec sum[R][V] = {};
  const auto add = [&](int64_t k, auto read) {
    vec a[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) a[v] = read(matrix + v * depth + k);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const vec b = read(x + r * depth + k);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[r][v] += a[v] * b;
    }
  };
  int64_t k = 0;
  for (; k + W <= depth; k += W) add(k, whole);
  if (k < depth) add(k, [&](const float* p) { return load_tail(p, depth - k); });
  for (int r = 0; r < R; ++r) y[r] = totals(sum[r]);
}

// A linear map: the outputs of one thread, given to `put(row, output, values, n)`, n at a time.
//
// Few rows: the lanes of a vector are neighbours in a row, whose products are added up at the end.
template <class Put>
void linear_of_few(const float* x, int64_t B, int64_t depth, const float* matrix, const float* bias,
                   Share outputs, Put put) {
  int64_t o = outputs.begin;
  const auto some = [&](auto columns) {
    over_rows<fitting_rows(columns())>({0, B}, [&](auto rows, int64_t b) {
      vec y[rows()];
      products<rows(), columns()>(y, x + b * depth, matrix + o * depth, depth);
      const vec start = bias ? load_some(bias + o, columns()) : vec{};
      for (int r = 0; r < rows(); ++r) put(b + r, o, y[r] + start, columns());
    });
    o += columns();
  };
  // one row alone is added to as many sums as hide how long an addition takes
  while (B == 1 && outputs.end - o >= 8) some(std::integral_constant<int, 8>{});
  while (outputs.end - o >= 4) some(std::integral_constant<int, 4>{});
  while (outputs.end - o >= 1) some(std::integral_constant<int, 1>{});
}

constexpr int GROUP = at_once(4);  // vectors of rows that a tile computes

// Many rows: a lane is a row. The values of F features are ordered (group of rows, feature, vector
// of the group, W), and what `pack` writes, by all threads, is in this order.
void pack(const float* x, int64_t B, int64_t depth, float* packed) {
  const Share mine = share(depth);
  const int64_t vectors = (B + W - 1) / W;
  for (int64_t v = 0; v < vectors; ++v) {
    const int64_t first = v / GROUP * GROUP;
    const int64_t width = vectors - first < GROUP ? vectors - first : GROUP;
    for (int64_t k = mine.begin; k < mine.end; ++k)
      for (int64_t lane = 0; lane < W; ++lane) {
        const int64_t b = v * W + lane;
        packed[(first * depth + k * width + v - first) * W + lane] = b < B ? x[b * depth + k] : 0;
      }
  }
#pragma omp barrier
}

// Given to `take(first, width, i, output, values)`: the values of vector i of the group of `width`
// vectors that begins with vector `first`.
template <class Take>
void linear_of_many(const float* packed, int64_t B, int64_t depth, const float* matrix,
                    const float* bias, Share outputs, Take take) {
  const int64_t vectors = (B + W - 1) / W;
  for (int64_t first = 0; first < vectors; first += GROUP)
    tile_of<GROUP>(vectors - first, first, [&](auto width, int64_t v) {
      over_rows<most_rows(width())>(outputs, [&](auto columns, int64_t o) {
        vec sum[columns()][width()] = {};
        multiply<columns(), width(), float>(sum, matrix + o * depth, depth,
                                            packed + v * depth * W, depth);
        for (int c = 0; c < columns(); ++c)
          for (int i = 0; i < width(); ++i)
            take(v, width(), i, o + c, sum[c][i] + (bias ? bias[o + c] : 0.0f));
      });
    });
}

// The linear maps of B rows, by all threads together: the way that suits so many rows. Values are
// ordered (row, feature) if the rows are few, else as above.
struct Rows {
  int64_t B;
  float* packed;  // of `inputs`: `room` for the deepest of them

  static bool few(int64_t B) { return B < W / 2; }
  static int64_t room(int64_t B, int64_t features) {
    return (few(B) ? B : (B + W - 1) / W * W) * features;
  }

  bool are_few() const { return few(B); }
  int64_t vectors() const { return (B + W - 1) / W; }

  // What `linear` reads of x, which is ordered (row, feature).
  const float* inputs(const float* x, int64_t depth) const {
    if (are_few()) return x;
    pack(x, B, depth, packed);
    return packed;
  }

  // The outputs of one thread, given to `put(row, output, value)`.
  template <class Put>
  void linear(const float* inputs, int64_t depth, const float* matrix, const float* bias,
              Share outputs, Put put) const {
    if (are_few())
      return linear_of_few(inputs, B, depth, matrix, bias, outputs,
                           [&](int64_t b, int64_t o, vec y, int n) {
                             for (int i = 0; i < n; ++i) put(b, o + i, y[i]);
                           });
    linear_of_many(inputs, B, depth, matrix, bias, outputs,
                   [&](int64_t first, int64_t, int64_t i, int64_t o, vec y) {
                     for (int64_t lane = 0, b = (first + i) * W; lane < W && b < B; ++lane, ++b)
                       put(b, o, y[lane]);
                   });
  }

  // The outputs of one thread, in the order of the inputs: y, of F features, or added to it.
  template <bool ADD>
  void map(const float* inputs, int64_t depth, const float* matrix, const float* bias,
           Share outputs, float* y, int64_t F) const {
    if (are_few())
      return linear_of_few(inputs, B, depth, matrix, bias, outputs,
                           [&](int64_t b, int64_t o, vec values, int n) {
                             float* at = y + b * F + o;
                             store_some(at, ADD ? load_some(at, n) + values : values, n);
                           });
    linear_of_many(inputs, B, depth, matrix, bias, outputs,
                   [&](int64_t first, int64_t width, int64_t i, int64_t o, vec values) {
                     float* at = y + (first * F + o * width + i) * W;
                     store(at, ADD ? load(at) + values : values);
                   });
  }

  // Where the features of a row begin among those of all rows, and how far they are apart.
  struct Place {
    int64_t begin, stride;
  };
  Place place(int64_t b, int64_t F) const {
    if (are_few()) return {b * F, 1};
    const int64_t first = b / W / GROUP * GROUP;
    const int64_t width = std::min<int64_t>(GROUP, vectors() - first);
    return {(first * F + b / W - first) * W + b % W, width * W};
  }

  // `visit(begin, n)`: the values of some features, n <= W neighbours at a time.
  template <class Visit>
  void over_values(int64_t F, Share features, Visit visit) const {
    if (are_few()) {
      for (int64_t b = 0; b < B; ++b)
        for (int64_t o = features.begin; o < features.end; o += W)
          visit(b * F + o, int(std::min<int64_t>(W, features.end - o)));
      return;
    }
    for (int64_t first = 0; first < vectors(); first += GROUP) {
      const int64_t width = std::min<int64_t>(GROUP, vectors() - first);
      for (int64_t i = features.begin * width; i < features.end * width; ++i)
        visit((first * F + i) * W, W);
    }
  }
};

}  // namespace
