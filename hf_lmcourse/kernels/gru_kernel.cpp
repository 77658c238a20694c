// All steps of a GRU, forward and back, in float32 or bfloat16: the equations are in gru.py, the
// walk through time in recurrence.h.
//
// Shapes: T steps, B rows of the batch, H units; gates in the order r, z, n as blocks of H.

#include "recurrence.h"

namespace {

template <class N>
struct Forward {
  static constexpr int GATES = 3;
  const N *projected, *bias;   // (T, B, 3H); b_h: (3H,)
  const uint8_t* mask;         // (T, B) or null
  N* hidden;                   // (T + 1, B, H)
  float* state;                // (B, H): h_{t-1} before it is rounded
  N *gates, *u_candidate;      // (T, B, 3H), (T, B, H): null without a backward pass
  int64_t B, H;

  void start(int64_t, int64_t, int64_t u, vec (&sum)[3]) const {
    for (int q = 0; q < 3; ++q) sum[q] = load_some(bias + q * H + u, H - u);
  }

  void step(int64_t t, int64_t b, int64_t u, const vec (&sum)[3]) const {
    const int n = H - u < W ? H - u : W;
    const int64_t row = t * B + b, here = b * H + u;
    const N* x = projected + row * 3 * H + u;
    const vec r = sigmoid(load_some(x, n) + sum[0]);
    const vec z = sigmoid(load_some(x + H, n) + sum[1]);
    const vec u_n = sum[2];
    const vec candidate = tanh(load_some(x + 2 * H, n) + r * u_n);
    vec h = load_some(state + here, n);
    if (!mask || mask[row]) h = candidate + z * (h - candidate);
    if (gates) {
      N* a = gates + row * 3 * H + u;
      store_some(a, r, n);
      store_some(a + H, z, n);
      store_some(a + 2 * H, candidate, n);
      store_some(u_candidate + row * H + u, u_n, n);
    }
    store_some(state + here, h, n);
    store_some(hidden + (row + B) * H + u, h, n);
  }
};

template <class N>
struct Backward {
  static constexpr int GATES = 3;
  const N *gates, *u_candidate;      // as `Forward` left them
  const N *hidden, *grad_hidden;     // (T + 1, B, H), (T, B, H)
  const uint8_t* mask;
  N *d_projected, *du;               // (T, B, 3H): of W x_t + b, and of U h_{t-1} + b_h
  float* dh;                         // (B, H)
  int64_t B, H;

  // From dh_t to the gradients of both products; dh keeps dh_t z, or all that a padded row passes on.
  void through_gates(int64_t t, int64_t b, int64_t u) const {
    const int n = H - u < W ? H - u : W;
    const int64_t row = t * B + b, at = row * H + u, here = b * H + u;
    const vec h = load_some(dh + here, n) + load_some(grad_hidden + at, n);
    N *of_input = d_projected + row * 3 * H + u, *of_state = du + row * 3 * H + u;
    if (mask && !mask[row]) {
      for (int q = 0; q < 3; ++q) {
        store_some(of_input + q * H, vec{}, n);
        store_some(of_state + q * H, vec{}, n);
      }
      store_some(dh + here, h, n);
      return;
    }
    const N* a = gates + row * 3 * H + u;
    const vec r = load_some(a, n), z = load_some(a + H, n), candidate = load_some(a + 2 * H, n);
    const vec d_n = h * (1.0f - z) * (1.0f - candidate * candidate);
    const vec d_z = h * (load_some(hidden + at, n) - candidate) * z * (1.0f - z);
    const vec d_r = d_n * load_some(u_candidate + at, n) * r * (1.0f - r);
    store_some(of_input, d_r, n);
    store_some(of_input + H, d_z, n);
    store_some(of_input + 2 * H, d_n, n);
    store_some(of_state, d_r, n);
    store_some(of_state + H, d_z, n);
    store_some(of_state + 2 * H, d_n * r, n);
    store_some(dh + here, h * z, n);
  }
};

}  // namespace

#define FUNCTIONS(kind, N)                                                                        \
  extern "C" void gru_forward_##kind(const N* projected, const N* bias, const N* U,               \
                                     const uint8_t* mask, N* hidden, float* state, N* gates,      \
                                     N* u_candidate, int64_t T, int64_t B, int64_t H,             \
                                     int threads) {                                               \
    const Forward<N> cell{projected, bias, mask, hidden, state, gates, u_candidate, B, H};        \
    walk_forward(cell, U, T, threads);                                                            \
  }                                                                                               \
  extern "C" void gru_backward_##kind(                                                            \
      const N* gates, const N* u_candidate, const N* hidden, const N* grad_hidden,                \
      const N* U, const uint8_t* mask, N* d_projected, N* du, float* dh, int64_t T, int64_t B,    \
      int64_t H, int threads) {                                                                   \
    const Backward<N> cell{gates, u_candidate, hidden, grad_hidden, mask,                         \
                           d_projected, du, dh, B, H};                                            \
    walk_back(cell, U, T, threads);                                                               \
  }

FUNCTIONS(float32, float)
#ifdef __AVX512BF16__
FUNCTIONS(bfloat16, bfloat16)
#endif
