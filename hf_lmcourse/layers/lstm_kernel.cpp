// All steps of an LSTM, forward and back, in float32 or bfloat16: the equations are in lstm.py.
//
// What torch does in a dozen calls a step is done here in one pass: the product with the recurrent
// matrix U, arranged once so that it is read in the order of use, leaves the four gates of sixteen
// units in registers, where the gate equations are applied before anything is stored. The threads
// share the units, so that each reads its own part of U at every step, out of its own cache.
//
// Shapes: T steps, B rows of the batch, H units; gates in the order i, f, g, o as blocks of H.
// In bfloat16 are what is multiplied and what comes in and goes out; sums, gates and c are float32.

#include "kernel.h"

namespace {

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
              Numbers<N>::entry(U + (q * H + u) * H + k * PER);
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
