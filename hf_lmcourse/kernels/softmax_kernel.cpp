// From a row of logits z with target y, in one pass through the caches: the loss, and in place of the
// logits the error of the softmax, in bfloat16 with sums in float32:
//
//     loss = log sum e^z - z_y        d = softmax(z) - e_y

#include <algorithm>
#include <cmath>

#include "kernel.h"

namespace {

constexpr float LEAST = -3e38f;  // below any logit but that of a word that cannot be

template <class N>
float error(N* z, int64_t y, int64_t V, float* e) {
  float lanes[W];
  vec largest = all(LEAST), sum{};
  for (int64_t v = 0; v < V; v += W) {
    const int n = int(std::min<int64_t>(W, V - v));
    store(e + v, load_some(z + v, n));
    std::fill(e + v + n, e + v + W, -INFINITY);
    const vec x = load(e + v);
    largest = x > largest ? x : largest;
  }
  store(lanes, largest);
  const float m = *std::max_element(lanes, lanes + W), z_y = e[y];
  for (int64_t v = 0; v < V; v += W) {
    const vec x = load(e + v);
    const vec power = x < LEAST ? vec{} : exponential(x - m);
    store(e + v, power);
    sum += power;
  }
  store(lanes, sum);
  double total = 0.0;
  for (const float lane : lanes) total += lane;
  const float share = float(1.0 / total);
  for (int64_t v = 0; v < V; v += W)
    store_some(z + v, load(e + v) * share, int(std::min<int64_t>(W, V - v)));
  store_some(z + y, all(e[y] * share - 1.0f), 1);
  return float(std::log(total) + m - z_y);
}

template <class N>
void errors(N* z, const int64_t* targets, float* losses, int64_t B, int64_t V, int threads) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> e(V + W);
#pragma omp for
    for (int64_t b = 0; b < B; ++b) losses[b] = error(z + b * V, targets[b], V, e.data());
  }
}

}  // namespace

#ifdef __AVX512BF16__
extern "C" void errors_bfloat16(bfloat16* z, const int64_t* targets, float* losses, int64_t B,
                                int64_t V, int threads) {
  errors(z, targets, losses, B, V, threads);
}
#endif
