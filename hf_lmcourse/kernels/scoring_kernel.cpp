// What a text costs under a linear output layer, without its logits: -log softmax(W h + b)[y] for
// each token, and whether y is the likeliest, in float32 or bfloat16.
//
// A tile of logits, six tokens by four vectors of words, goes from the product straight into three
// running values of each token, of every lane: the largest logit, the word that has it, and
// z = sum e^(logit - s). The shift s of a token is a logit near the largest one so far, which changes
// only when one far above it is met. The threads share the words; at the end those of all are put
// together:
//
//     M = max logit        loss = log sum z e^(s - M) + M - logit of y
//
// Shapes: B tokens, K units, V words. W is packed, 64 words at a time, in the order of use.

#include <algorithm>
#include <cmath>
#include <memory>

#include "amx.h"
#include "lanes.h"

namespace {

constexpr int VECTORS = at_once(4), WORDS = VECTORS * W;
constexpr int64_t ADDED = 128;  // products in a sum of floats: its error grows with their number
constexpr float LEAST = -3e38f;  // below any logit, and finite, so that differences are
constexpr float FAR = 20.0f;  // a sum of 10^20 e^FAR is a float

struct Lanes {
  vec largest, sum;
  ivec word;
  float shift;
};

template <class N>
struct Scoring {
  const N *hidden, *weight;  // (B, K), (V, K)
  const float* bias;         // (V) or null
  const int64_t* targets;    // (B), of which those outside the vocabulary are not scored
  float* target_logit;       // (B)
  int64_t K, V;

  // The blocks of words of a thread.
  Share blocks() const { return share((V + WORDS - 1) / WORDS); }

  void pack(int64_t u, typename Dtype<N>::Entry* A) const {
    constexpr int PER = Dtype<N>::PER;
    const int64_t entries = K / PER;
    for (int v = 0; v < VECTORS; ++v)
      for (int64_t k = 0; k < entries; k += W) {
        const int n = int(std::min<int64_t>(W, entries - k));
        const int64_t first = u + v * W;
        vec block[W] = {};  // entries of each word, and then of all words each entry
        for (int w = 0; w < W && first + w < V; ++w)
          block[w] = load_some(reinterpret_cast<const float*>(weight + (first + w) * K + k * PER), n);
        transpose(block);
        for (int i = 0; i < n; ++i) std::memcpy(A + (k + i) * WORDS + v * W, &block[i], sizeof(vec));
      }
  }

  // What the sums of the words from u on start from.
  void starts(int64_t u, float* start) const {
    for (int w = 0; w < WORDS; ++w) start[w] = u + w >= V ? LEAST : bias ? bias[u + w] : 0.0f;
  }

  // The logits of the words from u on, for a token.
  void take(int64_t b, int64_t u, const vec (&logits)[VECTORS], Lanes& lane) const {
    const int64_t place = targets[b] - u;
    if (place >= 0 && place < WORDS) {
      float kept[WORDS];
      for (int v = 0; v < VECTORS; ++v) store(kept + v * W, logits[v]);
      target_logit[b] = kept[place];
    }
    for (int v = 0; v < VECTORS; ++v) {
      const ivec above = logits[v] > lane.largest;
      lane.largest = above ? logits[v] : lane.largest;
      lane.word = above ? ivec{} + int32_t(u / W + v) : lane.word;
    }
    if (any(lane.largest > lane.shift + FAR)) {
      const float before = lane.shift;
      for (int w = 0; w < W; ++w) lane.shift = std::max(lane.shift, lane.largest[w]);
      lane.sum *= exponential(all(before - lane.shift));
    }
    for (int v = 0; v < VECTORS; ++v) lane.sum += exponential_to_87(logits[v] - lane.shift);
  }

  // The words from u on, for tokens from b on.
  template <int R>
  void tile(int64_t b, int64_t u, const typename Dtype<N>::Entry* A, const float* start,
            Lanes* lanes) const {
    vec logits[R][VECTORS];
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < VECTORS; ++v) logits[r][v] = load(start + v * W);
    const int64_t parts = std::is_same_v<N, float> ? (K + ADDED - 1) / ADDED : 1;
    for (int64_t part = 0, k = 0, end; part < parts; ++part, k = end) {
      end = K * (part + 1) / parts;
      multiply<R, VECTORS>(logits, hidden + b * K + k, K, A + k * WORDS / Dtype<N>::PER, end - k);
    }
    for (int r = 0; r < R; ++r) take(b + r, u, logits[r], lanes[b + r]);
  }

  // All tokens against a thread's blocks of words.
  void run(Share blocks, int64_t B, Lanes* lanes) const {
    std::vector<typename Dtype<N>::Entry> A(K / Dtype<N>::PER * WORDS);
    for (int64_t block = blocks.begin; block < blocks.end; ++block) {
      const int64_t u = block * WORDS;
      float start[WORDS];
      starts(u, start);
      pack(u, A.data());
      over_rows<most_rows(VECTORS)>({0, B}, [&](auto rows, int64_t b) {
        tile<rows()>(b, u, A.data(), start, lanes);
      });
    }
  }
};

#ifdef HAS_TILES
// The same in tiles: of 32 tokens by 32 words.
template <class N>
struct TileScoring : Scoring<N> {
  using Scoring<N>::hidden, Scoring<N>::weight, Scoring<N>::K, Scoring<N>::V;
  static constexpr int TOKENS = 2 * SIDE, GROUP = 4;  // blocks of words that stay in the cache
  const int64_t depth = (K + DEPTH - 1) / DEPTH;
  const int64_t part = depth * PARTS<N>;  // tiles of 16 tokens or words

  explicit TileScoring(const Scoring<N>& scoring) : Scoring<N>(scoring) {}

  void pack_tokens(int64_t b, int64_t B, Tile* tiles, ivec& infinite) const {
    for (int64_t k = 0; k < depth; ++k)
      pack_tile(hidden + b * K + k * DEPTH, K, B - b, K - k * DEPTH, tiles + k * PARTS<N>,
                infinite);
  }

  void pack_words(int64_t u, Tile* tiles, ivec& infinite) const {
    for (int64_t k = 0; k < depth; ++k)
      pack_transposed(weight + u * K + k * DEPTH, K, V - u, K - k * DEPTH,
                      tiles + k * PARTS<N>, infinite);
  }

  void tile(int64_t b, int64_t B, int64_t u, const Tile* tokens, const Tile* words,
            const float* start, Lanes* lanes) const {
    alignas(64) float products[TOKENS * WORDS];
    for (int v = 0; v < VECTORS; v += 2)
      multiply_tiles<2, PARTS<N>>(products + v * W, WORDS, SIDE, tokens, words + v * part, depth);
    for (int r = 0; r < TOKENS && b + r < B; ++r) {
      vec logits[VECTORS];
      for (int v = 0; v < VECTORS; ++v)
        logits[v] = load(start + v * W) + load(products + r * WORDS + v * W);
      this->take(b + r, u, logits, lanes[b + r]);
    }
  }

  // The lanes of all threads; returns whether every value that is multiplied is finite.
  bool fill(std::vector<Lanes>& lanes, int64_t B, int threads) const {
    const int64_t sides = (B + TOKENS - 1) / TOKENS * 2;
    const std::unique_ptr<Tile[]> tokens(new Tile[sides * part]);
    bool finite = true;
#pragma omp parallel num_threads(threads) reduction(&& : finite)
    {
      ivec infinite{};
#pragma omp for
      for (int64_t i = 0; i < sides; ++i)
        pack_tokens(i * SIDE, B, tokens.get() + i * part, infinite);
      run(this->blocks(), B, tokens.get(), lanes.data() + omp_get_thread_num() * B, infinite);
      for (int w = 0; w < W; ++w) finite = finite && !infinite[w];
    }
    return finite;
  }

 private:
  // All tokens, packed, against a thread's blocks of words.
  void run(Share blocks, int64_t B, const Tile* tokens, Lanes* lanes, ivec& infinite) const {
    const TileShapes shapes(SIDE);
    std::vector<Tile> words(GROUP * VECTORS * part);
    float start[GROUP * WORDS];
    for (int64_t first = blocks.begin; first < blocks.end; first += GROUP) {
      const int64_t count = std::min<int64_t>(GROUP, blocks.end - first);
      for (int64_t v = 0; v < count * VECTORS; ++v)
        pack_words(first * WORDS + v * W, words.data() + v * part, infinite);
      for (int64_t i = 0; i < count; ++i) this->starts((first + i) * WORDS, start + i * WORDS);
      for (int64_t b = 0; b < B; b += TOKENS)
        for (int64_t i = 0; i < count; ++i)
          tile(b, B, (first + i) * WORDS, tokens + b / SIDE * part,
               words.data() + i * VECTORS * part, start + i * WORDS, lanes);
    }
  }
};
#endif

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
      sum += lane.sum[w] * std::exp(double(lane.shift) - largest);
    }
  *hit = likeliest == target && sum == sum;
  return std::log(sum) + largest - target_logit;
}

template <class N>
void score(const Scoring<N>& scoring, double* losses, bool* hits, int64_t B, int threads) {
  const Lanes none{all(LEAST), vec{}, ivec{}, LEAST};
  std::vector<Lanes> lanes(B * threads, none);
  bool filled = false;
#ifdef HAS_TILES
  filled = tiles_allowed() && TileScoring<N>(scoring).fill(lanes, B, threads);
  if (!filled) std::fill(lanes.begin(), lanes.end(), none);
#endif
#pragma omp parallel num_threads(threads)
  {
    if (!filled) scoring.run(scoring.blocks(), B, lanes.data() + omp_get_thread_num() * B);
#pragma omp barrier
#pragma omp for
    for (int64_t b = 0; b < B; ++b)
      if (scoring.targets[b] >= 0)
        losses[b] = put_together(lanes.data() + b, B, threads, scoring.targets[b],
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
