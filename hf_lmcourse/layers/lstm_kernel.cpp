// All steps of an LSTM, forward and back, in float32 or bfloat16: the equations are in lstm.py.
//
// What torch does in a dozen calls a step is done here in one pass: the product with the recurrent
// matrix U, arranged once so that it is read in the order of use, leaves the four gates of sixteen
// units in registers, where the gate equations are applied before anything is stored. The threads
// share the units, so that each reads its own part of U at every step, out of its own cache.
//
// Shapes: T steps, B rows of the batch, H units; gates in the order i, f, g, o as blocks of H.
// In bfloat16 are what is multiplied and what comes in and goes out; sums, gates and c are float32.

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
constexpr int W = 16, ROWS = 6;  // floats of a vector; rows of a tile that fit the registers
#else
constexpr int W = 8, ROWS = 2;
#endif

typedef float vec __attribute__((vector_size(W * 4)));
typedef int32_t ivec __attribute__((vector_size(W * 4)));

inline vec load(const float* p) { vec v; std::memcpy(&v, p, sizeof v); return v; }
inline void store(float* p, vec v) { std::memcpy(p, &v, sizeof v); }
inline vec all(float x) { return vec{} + x; }

inline vec load_some(const float* p, int n) {
  if (n >= W) return load(p);
  vec v{};
  std::memcpy(&v, p, n * sizeof(float));
  return v;
}

inline void store_some(float* p, vec v, int n) {
  std::memcpy(p, &v, (n < W ? n : W) * sizeof(float));
}

// e^x by e^x = 2^n e^r, |r| <= ln 2 / 2, and the polynomial of Cephes for e^r; 2 units in the last
// place. Beyond +-87 it stays where it is there, which no gate can tell apart.
inline vec exponential(vec x) {
  x = x > 87.0f ? all(87.0f) : x;
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

// How numbers of a type are multiplied: `PER` of them at a time, as one entry of an arranged matrix.
template <class N>
struct Numbers;

template <>
struct Numbers<float> {
  using Entry = float;
  static constexpr int PER = 1;
  static Entry entry(const float* first, int64_t) { return *first; }
  static void add(vec& sum, Entry x, vec a) { sum += x * a; }
};

#ifdef __AVX512BF16__
struct bfloat16 {
  uint16_t bits;
};

template <>
struct Numbers<bfloat16> {
  using Entry = uint32_t;  // two numbers
  static constexpr int PER = 2;
  static Entry entry(const bfloat16* first, int64_t stride) {
    return first->bits | Entry(first[stride].bits) << 16;
  }
  static void add(vec& sum, Entry x, vec a) {
    sum = (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(x), (__m512bh)a);
  }
};

inline vec load_some(const bfloat16* p, int n) {
  typedef uint16_t half __attribute__((vector_size(W * 2)));
  half v{};
  std::memcpy(&v, p, (n < W ? n : W) * sizeof(bfloat16));
  const ivec wide = __builtin_convertvector(v, ivec) << 16;
  vec x;
  std::memcpy(&x, &wide, sizeof x);
  return x;
}

inline void store_some(bfloat16* p, vec v, int n) {
  const __m256bh rounded = _mm512_cvtneps_pbh((__m512)v);
  std::memcpy(p, &rounded, (n < W ? n : W) * sizeof(bfloat16));
}
#endif

// A tile of the product x A: `R` rows of x, `V` vectors of columns; A arranged as (k, V, W).
template <int R, int V, class N>
inline void multiply(vec (&sum)[R][V], const N* x, int64_t stride,
                     const typename Numbers<N>::Entry* A, int64_t depth) {
  constexpr int PER = Numbers<N>::PER;
  for (int64_t k = 0; k < depth / PER; ++k) {
    vec a[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) std::memcpy(&a[v], A + (k * V + v) * W, sizeof(vec));
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const auto xr = Numbers<N>::entry(x + r * stride + k * PER, 1);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) Numbers<N>::add(sum[r][v], xr, a[v]);
    }
  }
}

struct Share {
  int64_t begin, end;
};

// The blocks of W units that a thread computes.
Share share(int64_t blocks) {
  const int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
  return {blocks * thread / threads, blocks * (thread + 1) / threads};
}

template <class N>
struct Forward {
  const N* projected;               // (T, B, 4H)
  const uint8_t* mask;              // (T, B) or null
  N* hidden;                        // (T + 1, B, H)
  float *gates, *cell, *tanh_cell;  // (T, B, 4H), (T + 1, B, H), (T, B, H)
  int64_t B, H;                     // gates and tanh_cell are null where there is no way back

  template <int R>
  void tile(int64_t t, int64_t b, int64_t u, const typename Numbers<N>::Entry* A) const {
    const int n = H - u < W ? H - u : W;
    vec sum[R][4];
    for (int r = 0; r < R; ++r)
      for (int q = 0; q < 4; ++q)
        sum[r][q] = load_some(projected + ((t * B + b + r) * 4 + q) * H + u, n);
    multiply<R, 4>(sum, hidden + (t * B + b) * H, H, A, H);
    for (int r = 0; r < R; ++r) {
      const int64_t row = t * B + b + r, old = row * H + u, next = (row + B) * H + u;
      const vec c_old = load_some(cell + old, n);
      const vec i = sigmoid(sum[r][0]), f = sigmoid(sum[r][1]);
      const vec g = tanh(sum[r][2]), o = sigmoid(sum[r][3]);
      vec c = f * c_old + i * g;
      const vec squashed = tanh(c);
      vec h = o * squashed;
      if (mask && !mask[row]) {
        c = c_old;
        h = load_some(hidden + old, n);
      }
      if (gates) {
        float* a = gates + row * 4 * H + u;
        store_some(a, i, n);
        store_some(a + H, f, n);
        store_some(a + 2 * H, g, n);
        store_some(a + 3 * H, o, n);
        store_some(tanh_cell + old, squashed, n);
      }
      store_some(cell + next, c, n);
      store_some(hidden + next, h, n);
    }
  }
};

template <class N>
struct Backward {
  const float *gates, *cell, *tanh_cell;  // as `Forward` left them
  const N *grad_hidden, *grad_cell;       // (T, B, H) or null
  const uint8_t* mask;
  N* d_gates;                             // (T, B, 4H)
  float *dh, *dc;                         // (B, H)
  int64_t B, H;

  // From dh_t and dc_t to the gradients of the gates and to dc_{t-1}; dh keeps what a held row passes.
  void through_gates(int64_t t, int64_t b, int64_t u) const {
    const int n = H - u < W ? H - u : W;
    const int64_t row = t * B + b, at = row * H + u, here = b * H + u;
    vec h = load_some(dh + here, n), c = load_some(dc + here, n);
    if (grad_hidden) h += load_some(grad_hidden + at, n);
    if (grad_cell) c += load_some(grad_cell + at, n);
    N* d = d_gates + row * 4 * H + u;
    if (mask && !mask[row]) {
      for (int q = 0; q < 4; ++q) store_some(d + q * H, vec{}, n);
    } else {
      const float* a = gates + row * 4 * H + u;
      const vec i = load_some(a, n), f = load_some(a + H, n);
      const vec g = load_some(a + 2 * H, n), o = load_some(a + 3 * H, n);
      const vec squashed = load_some(tanh_cell + at, n);
      c += h * o * (1.0f - squashed * squashed);
      store_some(d, c * g * i * (1.0f - i), n);
      store_some(d + H, c * load_some(cell + at, n) * f * (1.0f - f), n);
      store_some(d + 2 * H, c * i * (1.0f - g * g), n);
      store_some(d + 3 * H, h * squashed * o * (1.0f - o), n);
      c *= f;
      h = vec{};
    }
    store_some(dc + here, c, n);
    store_some(dh + here, h, n);
  }

  // dh_{t-1} = da_t U, beside what a held row passes.
  template <int R, int V>
  void tile(int64_t t, int64_t b, int64_t u, const typename Numbers<N>::Entry* A) const {
    vec sum[R][V];
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v)
        sum[r][v] = load_some(dh + (b + r) * H + u + v * W, H - u - v * W < W ? H - u - v * W : W);
    multiply<R, V>(sum, d_gates + (t * B + b) * 4 * H, 4 * H, A, 4 * H);
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v)
        store_some(dh + (b + r) * H + u + v * W, sum[r][v], H - u - v * W < W ? H - u - v * W : W);
  }
};

template <class Tile>
inline void over_rows(int64_t B, Tile tile) {
  int64_t b = 0;
  for (; b + ROWS <= B; b += ROWS) tile(std::integral_constant<int, ROWS>{}, b);
  for (; b < B; ++b) tile(std::integral_constant<int, 1>{}, b);
}

template <class N>
void forward(const Forward<N>& step, const N* U, int64_t T, int threads) {
  using Entry = typename Numbers<N>::Entry;
  constexpr int PER = Numbers<N>::PER;
  const int64_t B = step.B, H = step.H, depth = H / PER, blocks = (H + W - 1) / W;
#pragma omp parallel num_threads(threads)
  {
    const Share mine = share(blocks);
    std::vector<Entry> A((mine.end - mine.begin) * depth * 4 * W, Entry{});  // (block, k, gate, W)
    for (int64_t u = mine.begin * W; u < mine.end * W && u < H; ++u)
      for (int q = 0; q < 4; ++q)
        for (int64_t k = 0; k < depth; ++k)
          A[(((u / W - mine.begin) * depth + k) * 4 + q) * W + u % W] =
              Numbers<N>::entry(U + (q * H + u) * H + k * PER, 1);
    for (int64_t t = 0; t < T; ++t) {
      for (int64_t block = mine.begin; block < mine.end; ++block) {
        const Entry* part = A.data() + (block - mine.begin) * depth * 4 * W;
        over_rows(B, [&](auto rows, int64_t b) {
          step.template tile<rows()>(t, b, block * W, part);
        });
      }
#pragma omp barrier
    }
  }
}

template <class N>
void backward(const Backward<N>& step, const N* U, int64_t T, int threads) {
  using Entry = typename Numbers<N>::Entry;
  constexpr int PER = Numbers<N>::PER, V = 4;  // blocks of units that a tile computes at once
  const int64_t B = step.B, H = step.H, depth = 4 * H / PER, blocks = (H + W - 1) / W;
#pragma omp parallel num_threads(threads)
  {
    const Share mine = share(blocks);
    // groups of V blocks, and what is left one by one: (group, k, V, W)
    std::vector<Entry> A((mine.end - mine.begin) * depth * W, Entry{});
    const int64_t grouped = mine.begin + (mine.end - mine.begin) / V * V;
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t u = mine.begin * W; u < mine.end * W && u < H; ++u) {
        const int64_t block = u / W, first = block - mine.begin;
        const int64_t group = block < grouped ? first / V * V : first;
        const int64_t width = block < grouped ? V : 1;
        A[(group * depth + k * width + (first - group)) * W + u % W] =
            Numbers<N>::entry(U + k * PER * H + u, H);
      }
    for (int64_t t = T - 1; t >= 0; --t) {
      for (int64_t b = 0; b < B; ++b)
        for (int64_t block = mine.begin; block < mine.end; ++block)
          step.through_gates(t, b, block * W);
#pragma omp barrier
      for (int64_t block = mine.begin; block < mine.end;) {
        const Entry* part = A.data() + (block - mine.begin) * depth * W;
        if (block < grouped) {
          over_rows(B, [&](auto rows, int64_t b) {
            step.template tile<rows(), V>(t, b, block * W, part);
          });
          block += V;
        } else {
          over_rows(B, [&](auto rows, int64_t b) {
            step.template tile<rows(), 1>(t, b, block * W, part);
          });
          ++block;
        }
      }
    }
  }
}

}  // namespace

#define FUNCTIONS(kind, N)                                                                        \
  extern "C" void lstm_forward_##kind(const N* projected, const N* U, const uint8_t* mask,        \
                                      N* hidden, float* gates, float* cell, float* tanh_cell,     \
                                      int64_t T, int64_t B, int64_t H, int threads) {             \
    forward<N>({projected, mask, hidden, gates, cell, tanh_cell, B, H}, U, T, threads);           \
  }                                                                                               \
  extern "C" void lstm_backward_##kind(const float* gates, const float* cell,                     \
                                       const float* tanh_cell, const N* grad_hidden,              \
                                       const N* grad_cell, const N* U, const uint8_t* mask,       \
                                       N* d_gates, float* dh, float* dc, int64_t T, int64_t B,    \
                                       int64_t H, int threads) {                                  \
    backward<N>({gates, cell, tanh_cell, grad_hidden, grad_cell, mask, d_gates, dh, dc, B, H}, U, \
                T, threads);                                                                      \
  }

FUNCTIONS(float32, float)
#ifdef __AVX512BF16__
FUNCTIONS(bfloat16, bfloat16)
#endif
