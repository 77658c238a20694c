// What moves values between the lanes of vectors.

#pragma once

#include "kernel.h"

#include <utility>

namespace {

#ifdef __clang__
#define LANES(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define LANES(x, y, ...) __builtin_shuffle(x, y, ivec{__VA_ARGS__})
#endif

using AllLanes = std::make_integer_sequence<int, W>;

// In each lane a sum with the lane whose number differs in bit S: of y where that bit is 1, of x
// elsewhere.
template <int S, int... lane>
inline vec sums_of_pairs(vec x, vec y, std::integer_sequence<int, lane...>) {
  const vec here = LANES(x, y, (lane & S ? W + lane : lane)...);
  const vec there = LANES(x, y, ((lane & S ? W : 0) + (lane ^ S))...);
  return here + there;
}

// The sums of the lanes of N vectors, a power of two: lane i has that of vector i. Some three
// operations a vector, where one alone takes eight.
template <int N, int S = 1>
inline vec totals(const vec (&x)[N]) {
  constexpr int LEFT = N > 1 ? N / 2 : 1;
  vec sums[LEFT];
#pragma GCC unroll 4
  for (int i = 0; i < LEFT; ++i)
    sums[i] = sums_of_pairs<S>(x[N > 1 ? 2 * i : 0], x[N > 1 ? 2 * i + 1 : 0], AllLanes{});
  if constexpr (2 * S < W)
    return totals<LEFT, 2 * S>(sums);
  else
    return sums[0];
}

inline float total(vec x) { return totals<1>({x})[0]; }

// Exchanges, of each two rows whose numbers differ in bit S, the lanes where it is 1 in the one with
// those where it is 0 in the other.
template <int S, int... lane>
inline void exchange(vec (&rows)[W], std::integer_sequence<int, lane...>) {
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i) {
    if (i & S) continue;
    const vec x = rows[i], y = rows[i + S];
    rows[i] = LANES(x, y, (lane & S ? W + (lane ^ S) : lane)...);
    rows[i + S] = LANES(x, y, (lane & S ? W + lane : lane ^ S)...);
  }
}

// The transpose of W vectors.
template <int S = 1>
inline void transpose(vec (&rows)[W]) {
  exchange<S>(rows, AllLanes{});
  if constexpr (2 * S < W) transpose<2 * S>(rows);
}

#undef LANES

}  // namespace
