// The next token of each row from its logits, as `generate` of transformers chooses it: the
// processors in their order, and the draw of torch.multinomial, argmax of p / q with q drawn from
// an exponential distribution.

#pragma once

#include "kernel.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace {

struct Sampler {
  const int64_t *suppressed, *ends;  // tokens never chosen; tokens that end a row
  int64_t suppressions, endings;
  int64_t V, top_k, least_kept;  // top_k: 0 for all tokens
  float temperature, top_p;      // temperature: 0 for the likeliest token

  // A token, or -1 if there are no probabilities to draw by; `q` as above, `scores` and `order` are room for V.
  int64_t choose(const float* logits, const float* q, float* scores, int64_t* order) const {
    std::copy(logits, logits + V, scores);
    for (int64_t i = 0; i < suppressions; ++i)
      if (suppressed[i] >= 0 && suppressed[i] < V) scores[suppressed[i]] = -INFINITY;
    if (temperature == 0.0f) return std::max_element(scores, scores + V, is_less) - scores;
    for (int64_t w = 0; w < V; ++w) scores[w] /= temperature;
    if (top_k > 0 && top_k < V) keep_likeliest(scores, order);
    if (top_p < 1.0f) keep_nucleus(scores, order);
    const float largest = *std::max_element(scores, scores + V);
    if (!std::isfinite(largest)) return -1;
    int64_t best = 0;
    float most = -1.0f;
    for (int64_t w = 0; w < V; w += W) {
      const int n = V - w < W ? V - w : W;
      const vec x = load_some(scores + w, n);
      const vec p = x == -INFINITY ? vec{} : exponential(x - largest);
      float probability[W], share[W];
      store(probability, p);
      store(share, p / load_some(q + w, n));
      for (int i = 0; i < n; ++i) {
        if (std::isnan(probability[i])) return -1;
        if (share[i] > most) most = share[i], best = w + i;
      }
    }
    return best;
  }

  bool ends_row(int64_t token) const { return std::find(ends, ends + endings, token) != ends + endings; }

 private:
  // As in argmax of torch, what is no number is more than all numbers.
  static bool is_less(float a, float b) { return a < b || (std::isnan(b) && !std::isnan(a)); }

  void keep_likeliest(float* scores, int64_t* order) const {
    std::iota(order, order + V, 0);
    std::nth_element(order, order + top_k - 1, order + V,
                     [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
    const float least = scores[order[top_k - 1]];
    for (int64_t w = 0; w < V; ++w)
      if (scores[w] < least) scores[w] = -INFINITY;
  }

  // From the least likely token on, as long as their probabilities add up to 1 - top_p at most.
  void keep_nucleus(float* scores, int64_t* order) const {
    std::iota(order, order + V, 0);
    std::stable_sort(order, order + V, [&](int64_t a, int64_t b) { return scores[a] < scores[b]; });
    const float largest = scores[order[V - 1]];
    float sum = 0.0f, cumulated = 0.0f;
    for (int64_t i = 0; i < V; ++i) sum += std::exp(scores[order[i]] - largest);
    for (int64_t i = 0; i < V - least_kept; ++i) {
      cumulated += std::exp(scores[order[i]] - largest) / sum;
      if (cumulated > 1.0f - top_p) break;
      scores[order[i]] = -INFINITY;
    }
  }
};

}  // namespace
