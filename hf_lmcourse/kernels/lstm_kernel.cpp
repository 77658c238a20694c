// All steps of an LSTM, forward and back, in float32 or bfloat16: the equations are in lstm.py, the
// walk through time in recurrence.h.
//
// Shapes: T steps, B rows of the batch, H units; gates in the order i, f, g, o as blocks of H.

#include "recurrence.h"

namespace {

inline vec smaller(vec x, vec y) { return x < y ? x : y; }

template <class N>
struct Forward {
  static constexpr int GATES = 4;
  const N* projected;               // (T, B, 4H)
  const uint8_t* mask;              // (T, B) or null
  N* hidden;                        // (T + 1, B, H)
  float* cell;                      // (T + 1, B, H)
  N *gates, *tanh_cell;             // (T, B, 4H), (T, B, H): null without a backward pass
  int64_t B, H;
  bool capped;                      // whether i is at most 1 - f; where it was more, -(1 - f) is kept

  void start(int64_t t, int64_t b, int64_t u, vec (&sum)[4]) const {
    for (int q = 0; q < 4; ++q) sum[q] = load_some(projected + ((t * B + b) * 4 + q) * H + u, H - u);
  }

  void step(int64_t t, int64_t b, int64_t u, const vec (&sum)[4]) const {
    const int n = H - u < W ? H - u : W;
    const int64_t row = t * B + b, old = row * H + u, next = (row + B) * H + u;
    const vec c_old = load_some(cell + old, n);
    const vec i = sigmoid(sum[0]), f = sigmoid(sum[1]);
    const vec g = tanh(sum[2]), o = sigmoid(sum[3]);
    const vec used = capped ? smaller(i, 1.0f - f) : i;
    vec c = f * c_old + used * g;
    const vec squashed = tanh(c);
    vec h = o * squashed;
    if (mask && !mask[row]) {
      c = c_old;
      h = load_some(hidden + old, n);
    }
    if (gates) {
      N* a = gates + row * 4 * H + u;
      store_some(a, i > used ? -used : i, n);
      store_some(a + H, f, n);
      store_some(a + 2 * H, g, n);
      store_some(a + 3 * H, o, n);
      store_some(tanh_cell + old, squashed, n);
    }
    store_some(cell + next, c, n);
    store_some(hidden + next, h, n);
  }
};

template <class N>
struct Backward {
  static constexpr int GATES = 4;
  const float* cell;                 // as `Forward` left it
  const N *gates, *tanh_cell;        // the same
  const N *grad_hidden, *grad_cell;  // (T, B, H) or null
  const uint8_t* mask;
  N* du;                             // (T, B, 4H): of W x_t as of U h_{t-1}
  float *dh, *dc;                    // (B, H)
  int64_t B, H;
  bool capped;

  // From dh_t and dc_t to the gates' gradients and dc_{t-1}; dh keeps what a padded row passes on.
  void through_gates(int64_t t, int64_t b, int64_t u) const {
    const int n = H - u < W ? H - u : W;
    const int64_t row = t * B + b, at = row * H + u, here = b * H + u;
    vec h = load_some(dh + here, n), c = load_some(dc + here, n);
    if (grad_hidden) h += load_some(grad_hidden + at, n);
    if (grad_cell) c += load_some(grad_cell + at, n);
    N* d = du + row * 4 * H + u;
    if (mask && !mask[row]) {
      for (int q = 0; q < 4; ++q) store_some(d + q * H, vec{}, n);
    } else {
      const N* a = gates + row * 4 * H + u;
      const vec i = load_some(a, n), f = load_some(a + H, n);
      const vec g = load_some(a + 2 * H, n), o = load_some(a + 3 * H, n);
      const vec squashed = load_some(tanh_cell + at, n);
      c += h * o * (1.0f - squashed * squashed);
      vec used = i, d_i = c * g, d_f = c * load_some(cell + at, n);
      if (capped) {
        used = i < 0.0f ? -i : i;
        d_f -= i < 0.0f ? d_i : vec{};
        d_i = i < 0.0f ? vec{} : d_i;
      }
      store_some(d, d_i * i * (1.0f - i), n);
      store_some(d + H, d_f * f * (1.0f - f), n);
      store_some(d + 2 * H, c * used * (1.0f - g * g), n);
      store_some(d + 3 * H, h * squashed * o * (1.0f - o), n);
      c *= f;
      h = vec{};
    }
    store_some(dc + here, c, n);
    store_some(dh + here, h, n);
  }
};

}  // namespace

#define FUNCTIONS(kind, N)                                                                        \
  extern "C" void lstm_forward_##kind(const N* projected, const N* U, const uint8_t* mask,        \
                                      N* hidden, N* gates, float* cell, N* tanh_cell,             \
                                      int64_t T, int64_t B, int64_t H, int64_t capped,            \
                                      int threads) {                                              \
    const Forward<N> cell_forward{projected, mask, hidden, cell, gates,                           \
                                  tanh_cell, B, H, capped != 0};                                  \
    walk_forward(cell_forward, U, T, threads);                                                    \
  }                                                                                               \
  extern "C" void lstm_backward_##kind(                                                           \
      const N* gates, const float* cell, const N* tanh_cell, const N* grad_hidden,                \
      const N* grad_cell, const N* U, const uint8_t* mask, N* du, float* dh, float* dc,           \
      int64_t T, int64_t B, int64_t H, int64_t capped, int threads) {                             \
    const Backward<N> cell_back{cell, gates, tanh_cell, grad_hidden, grad_cell, mask,             \
                                du, dh, dc, B, H, capped != 0};                                   \
    walk_back(cell_back, U, T, threads);                                                          \
  }

FUNCTIONS(float32, float)
#ifdef __AVX512BF16__
FUNCTIONS(bfloat16, bfloat16)
#endif
