// Many tokens of a causal Transformer in one call, in float32: embeddings and positions, blocks
// (decoding.h) and output layer. The loop is in generation.h.
//
// Shapes: B rows of the batch, E features of an embedding, D of the blocks.

#include "decoding.h"
#include "generation.h"

namespace {

// Before the blocks and behind them, in the order of transformer_generation.py; the projection is
// null if there is none.
enum Ends { EMBEDDING_PROJECTION, FINAL_NORM, FINAL_NORM_BIAS };

struct Transformer {
  Decoder decoder;
  const int64_t *blocks, *around, *ends;
  int64_t depth, E, seen;
  const float* positions;  // (positions, D), added to the embeddings times `scale`; or null
  float scale;
  int64_t* places;
  float *embedded, *scores;  // (B, E) in the order of Rows; of each thread `scores_room`
  int64_t scores_room;

  // What the first block reads.
  void embed(const int64_t* tokens) const {
    const int64_t D = decoder.D;
    const Rows rows = decoder.rows();
    const Share mine = share(decoder.B);
    float* embeddings = ends[EMBEDDING_PROJECTION] ? embedded : decoder.x();
    for (int64_t b = mine.begin; b < mine.end; ++b) {
      const float* embedding = memory(around[EMBEDDINGS]) + tokens[b] * E;
      const Rows::Place to = rows.place(b, E);
      for (int64_t i = 0; i < E; ++i) embeddings[to.begin + i * to.stride] = embedding[i];
    }
    if (ends[EMBEDDING_PROJECTION]) {
#pragma omp barrier
      rows.map<false>(embedded, E, memory(ends[EMBEDDING_PROJECTION]), nullptr, share(D),
                      decoder.x(), D);
#pragma omp barrier
    }
    if (positions)
      for (int64_t b = mine.begin; b < mine.end; ++b) {
        const float* position = positions + places[b] * D;
        const Rows::Place to = rows.place(b, D);
        for (int64_t i = 0; i < D; ++i) {
          float& x = decoder.x()[to.begin + i * to.stride];
          x = x * scale + position[i];
        }
      }
#pragma omp barrier
  }

  // By all threads together: the logits after the tokens of step n.
  void step(int64_t n, const int64_t* tokens, OutputLayer& output, float* logits) const {
    embed(tokens);
    float* own = scores + omp_get_thread_num() * scores_room;
    for (int64_t i = 0; i < depth; ++i) decoder.decode(Block{blocks + i * PARTS}, seen + n, own);
    const float* hidden =
        decoder.normal()(decoder.x(), memory(ends[FINAL_NORM]), memory(ends[FINAL_NORM_BIAS]));
    const Share mine = share(decoder.B);
    for (int64_t b = mine.begin; b < mine.end; ++b) ++places[b];
    output(decoder.rows(), hidden, logits);
  }
};

}  // namespace

// `places`: (B), the row of the positions of the first token, and in the end of the one after those
// that were read; `mask`: (B, masked), of the tokens before; `numbers`: the epsilon of the
// normalisation and the scale of the embeddings.
extern "C" void generate_float32(const int64_t* blocks, const int64_t* around, const int64_t* ends,
                                 const float* positions, const float* cos, const float* sin,
                                 const uint8_t* mask, int64_t* places, const float* numbers,
                                 const Request* request, int64_t depth, int64_t E, int64_t D,
                                 int64_t I, int64_t heads, int64_t masked, int64_t seen,
                                 int64_t activation, int64_t P, int threads) {
  const int64_t B = request->B;
  OutputLayer output(around, B, D, P, request->V);
  const int64_t scores_room = Decoder::scores_room(seen + request->steps, D / heads);
  const int64_t of_decoder = Decoder::room(B, D, I, threads), of_embeddings = Rows::room(B, E);
  std::vector<float> space(of_decoder + of_embeddings + threads * scores_room);
  float* embedded = space.data() + of_decoder;
  const Decoder decoder{cos, sin,   places,     mask,
                        masked, B,  1,          D,
                        I,   heads, numbers[0], Activation(activation), space.data()};
  const Transformer model{decoder,   blocks,     around, ends,     depth,
                          E,         seen,       positions,  numbers[1], places,
                          embedded,  embedded + of_embeddings, scores_room};
  const int64_t gates = decoder.activation == SWIGLU ? 3 : 2;
  const int64_t products = depth * D * (4 * D + gates * I) + output.products();
  generate(*request, products, threads, [&](int64_t n, const int64_t* tokens, float* logits) {
    model.step(n, tokens, output, logits);
  });
}
