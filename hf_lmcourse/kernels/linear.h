// Linear maps of few rows and of many, in float32, for kernels that compute one token at a time.

#pragma once

#include "kernel.h"

#include <algorithm>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace {

inline vec relu(vec x) { return x < 0.0f ? vec{} : x; }  // what is no number stays so

// The first n < W values: load_some copies so few by a call.
inline vec load_tail(const float* p, int n) {
#ifdef __AVX512F__
  return (vec)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
#else
  return load_some(p, n);
#endif
}

// The sum of the lanes, by halves.
inline float total(vec x) {
  typedef float half __attribute__((vector_size(W * 2)));
  typedef float quarter __attribute__((vector_size(W)));
  half low, high;
  std::memcpy(&low, &x, sizeof low);
  std::memcpy(&high, reinterpret_cast<char*>(&x) + sizeof low, sizeof high);
  low += high;
  quarter first, second;
  std::memcpy(&first, &low, sizeof first);
  std::memcpy(&second, reinterpret_cast<char*>(&low) + sizeof first, sizeof second);
  first += second;
  float sum = 0.0f;
  for (int i = 0; i < W / 4; ++i) sum += first[i];
  return sum;
}

// Of R rows of x the products with V rows of a matrix.
template <int R, int V>
inline void products(float (&y)[R][V], const float* x, const float* matrix, int64_t depth) {
  vec sum[R][V] = {};
  const auto add = [&](int64_t k, auto read) {
    vec a[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) a[v] = read(matrix + v * depth + k);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const vec b = read(x + r * depth + k);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] += a[v] * b;
    }
  };
  int64_t k = 0;
  for (; k + W <= depth; k += W) add(k, load);
  if (k < depth) add(k, [&](const float* p) { return load_tail(p, depth - k); });
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) y[r][v] = total(sum[r][v]);
}

// A linear map: the outputs of one thread, given to `put(row, output, value)`.
//
// Few rows: the lanes of a vector are neighbours in a row, whose products are added up at the end.
template <class Put>
void linear_of_few(const float* x, int64_t B, int64_t depth, const float* matrix, const float* bias,
                   Share outputs, Put put) {
  for (int64_t o = outputs.begin; o < outputs.end;) {
    const auto some = [&](auto columns) {
      over_rows(B, [&](auto rows, int64_t b) {
        float y[rows()][columns()];
        products(y, x + b * depth, matrix + o * depth, depth);
        for (int r = 0; r < rows(); ++r)
          for (int v = 0; v < columns(); ++v) put(b + r, o + v, y[r][v] + (bias ? bias[o + v] : 0.0f));
      });
      o += columns();
    };
    if (outputs.end - o < 4)
      some(std::integral_constant<int, 1>{});
    else
      some(std::integral_constant<int, 4>{});
  }
}

constexpr int GROUP = 4;  // vectors of rows that a tile computes at once

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
      over_rows(outputs.end - outputs.begin, [&](auto columns, int64_t o) {
        o += outputs.begin;
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
    if (are_few()) return linear_of_few(inputs, B, depth, matrix, bias, outputs, put);
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
                           [&](int64_t b, int64_t o, float value) {
                             y[b * F + o] = ADD ? y[b * F + o] + value : value;
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
