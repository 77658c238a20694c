// A few new tokens through all blocks of a causal Transformer in one call, where some thirty calls
// of torch per block cost more than the arithmetic: decoding.h.

#include "decoding.h"

#include <numeric>

constexpr int64_t WORTH_THREADS = 1 << 19;  // a block with less is done before they have met

extern "C" void decode_float32(const int64_t* parts, float* x, const float* cos, const float* sin,
                               const uint8_t* mask, const float* epsilon, int64_t blocks,
                               int64_t B, int64_t length, int64_t D, int64_t I, int64_t heads,
                               int64_t T, int64_t activation, int threads) {
  const int64_t products_of_a_block = B * D * (4 * D + 2 * I);
  if (products_of_a_block < WORTH_THREADS) threads = 1;
  std::vector<float> space(Decoder::room(B, D, I, threads));
  std::vector<int64_t> places(B);
  std::iota(places.begin(), places.end(), 0);
  const Decoder decoder{cos, sin,   places.data(), mask,
                        T + length, B, length,     D,
                        I,   heads, *epsilon,      Activation(activation), space.data()};
  const auto over_features = [&](auto visit) {
    for (int64_t b = 0; b < B; ++b) {
      const Rows::Place at = decoder.rows().place(b, D);
      for (int64_t i = 0; i < D; ++i) visit(x[b * D + i], space[at.begin + i * at.stride]);
    }
  };
  over_features([](float& outside, float& inside) { inside = outside; });
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> scores(Decoder::scores_room(T + length, D / heads));
    for (int64_t n = 0; n < blocks; ++n)
      decoder.decode(Block{parts + n * PARTS}, T, scores.data());
  }
  over_features([](float& outside, float& inside) { outside = inside; });
}
