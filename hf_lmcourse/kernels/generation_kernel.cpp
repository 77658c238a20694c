// Many tokens of a recurrent language model in one call, in float32: embedding, cells and output
// layer. The equations are in elman.py, lstm.py and gru.py, the loop is in generation.h.
//
// The threads share the units of each layer and the words of the output layer.
//
// Shapes: B rows of the batch, V words, H units, G gates of H units each.

#include "generation.h"
#include "linear.h"

namespace {

enum Cell { ELMAN_TANH, ELMAN_SIGMOID, ELMAN_RELU, LSTM, CAPPED_LSTM, GRU };

constexpr int64_t gates_of(Cell cell) { return cell < LSTM ? 1 : cell < GRU ? 4 : 3; }

// Of a layer, in the order of recurrent_generation.py. States: (B, H), read and written.
enum Part { INPUT, INPUT_BIAS, RECURRENT, RECURRENT_BIAS, HIDDEN, CELL, PARTS };

struct Model {
  const int64_t *layers, *around;
  Cell cell;
  int64_t depth, B, E, H;
  Rows rows;
  float *input, *x_gates, *h_gates, *next;  // (B, E), (B, GH) twice, (B, H)

  int64_t gates() const { return gates_of(cell); }
  float* part(int64_t layer, Part name) const { return memory(layers[layer * PARTS + name]); }

  // The units of a thread: whole vectors.
  Share units() const {
    const Share blocks = share((H + W - 1) / W);
    return {std::min(blocks.begin * W, H), std::min(blocks.end * W, H)};
  }

  // W x + b or U h + b of a layer, for the gates of some units.
  void project(const float* x, int64_t width, const float* matrix, const float* bias, Share mine,
               float* out) const {
    const int64_t G = gates();
    for (int64_t q = 0; q < G; ++q)
      rows.linear(x, width, matrix, bias, {q * H + mine.begin, q * H + mine.end},
                  [&](int64_t b, int64_t o, float y) { out[b * G * H + o] = y; });
  }

  // h_t of some units from the gates; c_t is replaced.
  void apply(int64_t layer, Share mine) const {
    float *h = part(layer, HIDDEN), *c = part(layer, CELL);
    for (int64_t b = 0; b < B; ++b)
      for (int64_t u = mine.begin; u < mine.end; u += W) {
        const int n = H - u < W ? H - u : W;
        const int64_t at = b * H + u;
        const auto x = [&](int q) { return load_some(x_gates + (b * gates() + q) * H + u, n); };
        const auto a = [&](int q) { return load_some(h_gates + (b * gates() + q) * H + u, n); };
        vec y;
        if (cell == LSTM || cell == CAPPED_LSTM) {
          const vec f = sigmoid(x(1) + a(1));
          vec i = sigmoid(x(0) + a(0));
          if (cell == CAPPED_LSTM) i = i > 1.0f - f ? 1.0f - f : i;
          const vec g = tanh(x(2) + a(2)), o = sigmoid(x(3) + a(3));
          const vec state = f * load_some(c + at, n) + i * g;
          store_some(c + at, state, n);
          y = o * tanh(state);
        } else if (cell == GRU) {
          const vec r = sigmoid(x(0) + a(0)), z = sigmoid(x(1) + a(1));
          const vec candidate = tanh(x(2) + r * a(2));
          y = (1.0f - z) * candidate + z * load_some(h + at, n);
        } else {
          const vec s = x(0) + a(0);
          y = cell == ELMAN_TANH ? tanh(s) : cell == ELMAN_SIGMOID ? sigmoid(s) : relu(s);
        }
        store_some(next + at, y, n);
      }
  }

  // By all threads together: the logits of the tokens that follow `tokens`.
  void step(const int64_t* tokens, OutputLayer& output, float* logits) const {
    const Share mine = units();
    if (omp_get_thread_num() == 0)
      for (int64_t b = 0; b < B; ++b)
        std::copy_n(memory(around[EMBEDDINGS]) + tokens[b] * E, E, input + b * E);
#pragma omp barrier
    const float* x = input;
    for (int64_t layer = 0, width = E; layer < depth; ++layer, width = H) {
      float* h = part(layer, HIDDEN);
      project(rows.inputs(x, width), width, part(layer, INPUT), part(layer, INPUT_BIAS), mine, x_gates);
      if (!rows.are_few()) {
#pragma omp barrier
      }
      project(rows.inputs(h, H), H, part(layer, RECURRENT), part(layer, RECURRENT_BIAS), mine, h_gates);
      apply(layer, mine);
#pragma omp barrier
      for (int64_t b = 0; b < B; ++b)
        std::copy(next + b * H + mine.begin, next + b * H + mine.end, h + b * H + mine.begin);
#pragma omp barrier
      x = h;
    }
    output(rows, rows.inputs(x, H), logits);
  }
};

}  // namespace

extern "C" void generate_float32(const int64_t* layers, const int64_t* around,
                                 const Request* request, int64_t cell, int64_t depth, int64_t E,
                                 int64_t H, int64_t P, int threads) {
  const int64_t B = request->B, G = gates_of(Cell(cell)), deepest = std::max(E, H);
  OutputLayer output(around, B, H, P, request->V);
  std::vector<float> space(B * (E + 2 * G * H + H) + Rows::room(B, deepest));
  float* input = space.data();
  float *x_gates = input + B * E, *h_gates = x_gates + B * G * H, *next = h_gates + B * G * H;
  const Model model{layers, around, Cell(cell), depth,   B,       E,
                    H,      {B, next + B * H},  input, x_gates, h_gates, next};
  const int64_t products = G * H * (E + H + (depth - 1) * 2 * H) + output.products();
  generate(*request, products, threads, [&](int64_t, const int64_t* tokens, float* logits) {
    model.step(tokens, output, logits);
  });
}
