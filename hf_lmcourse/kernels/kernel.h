// What the kernels share: vectors of floats, e^x and what is made of it, and a tile of a matrix
// product that stays in registers, in float32 or bfloat16. In bfloat16 is what is multiplied; sums
// are float32.

#pragma once

#include <cstdint>
#include <cstring>
#include <omp.h>
#include <type_traits>
#include <vector>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace {

#ifdef __AVX512F__
constexpr int W = 16, REGISTERS = 32;  // floats of a vector, and vectors at hand
#else
constexpr int W = 8, REGISTERS = 16;
#endif

typedef float vec __attribute__((vector_size(W * 4)));
typedef int32_t ivec __attribute__((vector_size(W * 4)));

inline vec load(const float* p) { vec v; std::memcpy(&v, p, sizeof v); return v; }
inline void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }
inline vec all(float x) { return vec{} + x; }

// Of a whole vector the size is known to the compiler, which calls no function for it.
inline vec load_some(const float* p, int n) {
  if (n >= W) return load(p);
  vec v{};
  std::memcpy(&v, p, n * sizeof(float));
  return v;
}

inline void store_some(float* p, vec v, int n) {
  if (n >= W) return store(p, v);
  std::memcpy(p, &v, n * sizeof(float));
}

// e^x, x at most 87, by e^x = 2^n e^r, |r| <= ln 2 / 2, and the polynomial of Cephes for e^r; 2 units
// in the last place. Below -87 it does not fall any more, a difference that no gate and no sum shows.
inline vec exponential_to_87(vec x) {
  x = x < -87.0f ? all(-87.0f) : x;
  const vec shift = all(12582912.0f);  // 1.5 * 2^23: adding it rounds to whole numbers
  const vec n = (x * 1.44269504f + shift) - shift;
  const vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
  vec p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const ivec power = (__builtin_convertvector(n, ivec) + 127) << 23;
  vec scale;
  std::memcpy(&scale, &power, sizeof scale);
  return p * scale;
}

// e^x, which above 87 does not grow any more either.
inline vec exponential(vec x) { return exponential_to_87(x > 87.0f ? all(87.0f) : x); }

// Whether a comparison holds in any lane.
inline bool any(ivec holds) {
  int64_t pairs[W / 2], found = 0;
  std::memcpy(pairs, &holds, sizeof pairs);
  for (int64_t pair : pairs) found |= pair;
  return found;
}

inline vec sigmoid(vec x) { return 1.0f / (1.0f + exponential(-x)); }

// Near 0, where 1 - 2 / (1 + e^2x) cancels, the polynomial of Cephes.
inline vec tanh(vec x) {
  const vec s = x * x;
  vec p = all(-5.70498872745e-3f);
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const vec near = x + x * s * p;
  const vec far = 1.0f - 2.0f / (1.0f + exponential(2.0f * x));
  return s < 0.390625f ? near : far;
}

// How values of a dtype are multiplied: `PER` at a time, as one entry of an packed matrix.
template <class N>
struct Dtype;

template <>
struct Dtype<float> {
  using Entry = float;
  static constexpr int PER = 1;
  static Entry entry(const float* first, int64_t = 1) { return *first; }
  static vec add(vec sum, Entry x, vec a) { return sum + x * a; }
};

#ifdef __AVX512BF16__
struct bfloat16 {
  uint16_t bits;
};

template <>
struct Dtype<bfloat16> {
  using Entry = uint32_t;  // two values
  static constexpr int PER = 2;
  static Entry entry(const bfloat16* first) {
    Entry both;
    std::memcpy(&both, first, sizeof both);
    return both;
  }
  static Entry entry(const bfloat16* first, int64_t stride) {
    return first->bits | Entry(first[stride].bits) << 16;
  }
  static vec add(vec sum, Entry x, vec a) {
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(x), (__m512bh)a);
  }
};

inline vec load_some(const bfloat16* p, int n) {
  typedef uint16_t half __attribute__((vector_size(W * 2)));
  half v{};
  if (n >= W)
    std::memcpy(&v, p, sizeof v);
  else
    std::memcpy(&v, p, n * sizeof(bfloat16));
  const ivec wide = __builtin_convertvector(v, ivec) << 16;
  vec x;
  std::memcpy(&x, &wide, sizeof x);
  return x;
}

inline void store_some(bfloat16* p, vec v, int n) {
  const __m256bh rounded = _mm512_cvtneps_pbh((__m512)v);
  if (n >= W)
    std::memcpy(p, &rounded, sizeof rounded);
  else
    std::memcpy(p, &rounded, n * sizeof(bfloat16));
}
#endif

// The most rows of a tile of V vectors of columns: its sums, a row of A and an entry of x fit the
// registers. Four vectors are packed, and computed with many rows, two by two if few rows would fit.
constexpr int fitting_rows(int V) {
  const int rows = (REGISTERS - 1) / V - 1;
  return rows < 1 ? 1 : rows < 6 ? rows : 6;
}
constexpr int at_once(int V) { return V == 4 && fitting_rows(4) < 4 ? 2 : V; }
constexpr int most_rows(int V) { return fitting_rows(at_once(V)); }

// Where the packed matrix of a tile has vector v of row k, of `depth` rows: (v / C, k, v % C, W).
constexpr int64_t packed_at(int64_t k, int64_t v, int64_t V, int64_t depth) {
  const int64_t C = at_once(V);
  return ((v / C * depth + k) * C + v % C) * W;
}

// Adds a tile of the product x A: `R` rows of x, `V` vectors of columns; A as `packed_at` says.
//
// A call of its own: inlined, it shares the registers with what follows it, and the compiler moves
// sums to memory for the constants of a cell's equations, which halves the speed.
template <int R, int V, class N>
__attribute__((noinline)) void multiply(vec (&sums)[R][V], const N* x, int64_t stride,
                                        const typename Dtype<N>::Entry* A, int64_t depth) {
  constexpr int C = R <= fitting_rows(V) ? V : at_once(V), PER = Dtype<N>::PER;
  for (int first = 0; first < V; first += C) {
    vec sum[R][C] = {};  // of its own, or the compiler writes every sum to memory at every k
#pragma GCC unroll 2  // without it a loop over few rows is a fifth slower
    for (int64_t k = 0; k < depth / PER; ++k) {
      vec a[C];
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c)
        std::memcpy(&a[c], A + packed_at(k, first + c, V, depth / PER), sizeof(vec));
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const auto xr = Dtype<N>::entry(x + r * stride + k * PER);
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sum[r][c] = Dtype<N>::add(sum[r][c], xr, a[c]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) sums[r][first + c] += sum[r][c];
  }
}

// A tile of as many rows as there are, `R` at most.
template <int R, class Tile>
inline void tile_of(int64_t rows, int64_t b, Tile tile) {
  if constexpr (R > 1)
    if (rows < R) return tile_of<R - 1>(rows, b, tile);
  tile(std::integral_constant<int, R>{}, b);
}

struct Share {
  int64_t begin, end;
};

// Rows in tiles of at most `MOST`, of nearly one size: a tile of few rows reads as much of the matrix
// as a full one.
template <int MOST, class Tile>
inline void over_rows(Share rows, Tile tile) {
  const int64_t B = rows.end - rows.begin, tiles = (B + MOST - 1) / MOST;
  for (int64_t i = 0, b = 0; i < tiles; ++i) {
    const int64_t end = B * (i + 1) / tiles;
    tile_of<MOST>(end - b, rows.begin + b, tile);
    b = end;
  }
}

// The blocks of W columns that a thread computes.
Share share(int64_t blocks) {
  const int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
  return {blocks * thread / threads, blocks * (thread + 1) / threads};
}

}  // namespace
