// What a text costs under a linear output layer, without its logits: -log softmax(W h + b)[y] for
// each token, and whether y is the likeliest, in float32 or bfloat16.
//
// A tile of logits, six tokens by four vectors of words, goes from the product straight into three
// running values of each token, of every lane: the largest logit m, the word that has it, and
// z = sum e^(logit - m). The threads share the words; at the end the lanes of all are put together:
//
//     M = max m        loss = log sum z e^(m - M) + M - logit of y
//
// Shapes: B tokens, K units, V words. W is packed, 64 words at a time, in the order of use.

#include <cmath>

#include "kernel.h"

namespace {

constexpr int VECTORS = 4, WORDS = VECTORS * W;
constexpr float LEAST = -3e38f;  // below any logit, and finite, so that differences are

struct Lanes {
  vec largest, sum;
  ivec word;
};

template <class N>
struct Scoring {
  const N *hidden, *weight;  // (B, K), (V, K)
  const float* bias;         // (V) or null
  const int64_t* targets;    // (B), of which those outside the vocabulary are not scored
  float* target_logit;       // (B)
  int64_t K, V;

  void pack(int64_t u, typename Dtype<N>::Entry* A) const {
    constexpr int PER = Dtype<N>::PER;
    for (int64_t k = 0; k < K / PER; ++k)
      for (int w = 0; w < WORDS; ++w)
        A[k * WORDS + w] =
            u + w < V ? Dtype<N>::entry(weight + (u + w) * K + k * PER) : 0;
  }

  // The words from u on, for tokens from b on.
  template <int R>
  void tile(int64_t b, int64_t u, const typename Dtype<N>::Entry* A, const float* start,
            Lanes* lanes) const {
    vec logits[R][VECTORS];
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < VECTORS; ++v) logits[r][v] = load(start + v * W);
    multiply<R, VECTORS>(logits, hidden + b * K, K, A, K);
    for (int r = 0; r < R; ++r) {
      const int64_t place = targets[b + r] - u;
      if (place >= 0 && place < WORDS) {
        float kept[WORDS];
        for (int v = 0; v < VECTORS; ++v) store(kept + v * W, logits[r][v]);
        target_logit[b + r] = kept[place];
      }
      Lanes& lane = lanes[b + r];
      const vec before = lane.largest;
      for (int v = 0; v < VECTORS; ++v) {
        const ivec above = logits[r][v] > lane.largest;
        lane.largest = above ? logits[r][v] : lane.largest;
        lane.word = above ? ivec{} + int32_t(u / W + v) : lane.word;
      }
      lane.sum *= exponential(before - lane.largest);
      for (int v = 0; v < VECTORS; ++v) lane.sum += exponential(logits[r][v] - lane.largest);
    }
  }

  // All tokens against the blocks of words of a thread.
  void run(Share blocks, int64_t B, Lanes* lanes) const {
    std::vector<typename Dtype<N>::Entry> A(K / Dtype<N>::PER * WORDS);
    for (int64_t b = 0; b < B; ++b) lanes[b] = {all(LEAST), vec{}, ivec{}};
    for (int64_t block = blocks.begin; block < blocks.end; ++block) {
      const int64_t u = block * WORDS;
      float start[WORDS];
      for (int w = 0; w < WORDS; ++w) start[w] = u + w >= V ? LEAST : bias ? bias[u + w] : 0.0f;
      pack(u, A.data());
      over_rows(B, [&](auto rows, int64_t b) {
        tile<rows()>(b, u, A.data(), start, lanes);
      });
    }
  }
};

// The loss of a token from the lanes of all threads, and whether its target is the likeliest word,
// of several the first.
double put_together(const Lanes* lanes, int64_t B, int threads, int64_t target, float target_logit,
                    bool* hit) {
  float largest = LEAST;
  int64_t likeliest = INT64_MAX;
  for (int thread = 0; thread < threads; ++thread)
    for (int w = 0; w < W; ++w) {
      const Lanes& lane = lanes[thread * B];
      const int64_t word = int64_t(lane.word[w]) * W + w;
      if (lane.largest[w] > largest || (lane.largest[w] == largest && word < likeliest)) {
        largest = lane.largest[w];
        likeliest = word;
      }
    }
  double sum = 0.0;
  for (int thread = 0; thread < threads; ++thread)
    for (int w = 0; w < W; ++w) {
      const Lanes& lane = lanes[thread * B];
      sum += lane.sum[w] * std::exp(double(lane.largest[w]) - largest);
    }
  *hit = likeliest == target && sum == sum;
  return std::log(sum) + largest - target_logit;
}

template <class N>
void score(const Scoring<N>& scoring, double* losses, bool* hits, int64_t B, int threads) {
  const int64_t blocks = (scoring.V + WORDS - 1) / WORDS;
  std::vector<Lanes> lanes(B * threads);
#pragma omp parallel num_threads(threads)
  {
    scoring.run(share(blocks), B, lanes.data() + omp_get_thread_num() * B);
#pragma omp barrier
#pragma omp for
    for (int64_t b = 0; b < B; ++b)
      if (scoring.targets[b] >= 0)
        losses[b] = put_together(lanes.data() + b, B, omp_get_num_threads(), scoring.targets[b],
                                 scoring.target_logit[b], hits + b);
  }
}

}  // namespace

#define FUNCTION(kind, N)                                                                      \
  extern "C" void score_##kind(const N* hidden, const N* weight, const float* bias,            \
                               const int64_t* targets, float* target_logit, double* losses,    \
                               bool* hits, int64_t B, int64_t K, int64_t V, int threads) {     \
    score<N>({hidden, weight, bias, targets, target_logit, K, V}, losses, hits, B, threads);   \
  }

FUNCTION(float32, float)
#ifdef __AVX512BF16__
FUNCTION(bfloat16, bfloat16)
#endif
