// Many tokens of an n-gram network in one call, in float32: the window of embeddings, hidden layers
// and output layer. The equations are in ngram.py, the loop is in generation.h.
//
// Shapes: B rows of the batch, N = n - 1 words of a window, E features of an embedding, H units. All
// values are in the order of Rows; a window has feature e of its word k, the oldest first, at e N + k.

#include "generation.h"
#include "normal.h"

namespace {

enum Activation { TANH, SIGMOID, RELU };

// Of a hidden layer, in the order of ngram_generation.py; the first reads the window. Without a
// norm a further layer does not add to what it reads.
enum Part { WEIGHT, BIAS, NORM, NORM_BIAS, PARTS };

struct NGram {
  const int64_t *layers, *around;
  Activation activation;
  int64_t depth, B, N, E, H;
  bool is_direct;  // whether the output layer reads the window too
  Rows rows;
  Normal normal;
  float *window, *hidden, *branch, *read;  // N E, H, H and H + N E features

  float* part(int64_t layer, Part name) const { return memory(layers[layer * PARTS + name]); }

  float& in_window(int64_t b, int64_t word, int64_t feature) const {
    const Rows::Place at = rows.place(b, N * E);
    return window[at.begin + (feature * N + word) * at.stride];
  }

  // The newest N - 1 words, the newest first: (B, (N - 1) E).
  template <class Visit>
  void over_state(float* state, Visit visit) const {
    for (int64_t b = 0; b < B; ++b)
      for (int64_t k = 0; k < N - 1; ++k)
        for (int64_t e = 0; e < E; ++e)
          visit(state[(b * (N - 1) + k) * E + e], in_window(b, N - 1 - k, e));
  }

  void activate(float* x, Share features) const {
    rows.over_values(H, features, [&](int64_t at, int n) {
      const vec a = load_some(x + at, n);
      store_some(x + at, activation == TANH ? tanh(a) : activation == SIGMOID ? sigmoid(a) : relu(a), n);
    });
  }

  void shift(const int64_t* tokens, Share mine) const {
    for (int64_t b = mine.begin; b < mine.end; ++b)
      for (int64_t e = 0; e < E; ++e) {
        for (int64_t k = 0; k + 1 < N; ++k) in_window(b, k, e) = in_window(b, k + 1, e);
        in_window(b, N - 1, e) = memory(around[EMBEDDINGS])[tokens[b] * E + e];
      }
  }

  void add_layer(int64_t layer, Share mine) const {
    const float *weight = part(layer, WEIGHT), *bias = part(layer, BIAS);
    const float* x = hidden;
    if (part(layer, NORM)) x = normal(hidden, part(layer, NORM), part(layer, NORM_BIAS));
    rows.map<false>(x, H, weight, bias, mine, branch, H);
    activate(branch, mine);
#pragma omp barrier
    rows.over_values(H, mine, [&](int64_t at, int n) {
      const vec y = load_some(branch + at, n);
      store_some(hidden + at, part(layer, NORM) ? load_some(hidden + at, n) + y : y, n);
    });
#pragma omp barrier
  }

  // What the output layer reads if it reads the window too, the newest word first.
  void concatenate(Share mine) const {
    const int64_t F = H + N * E;
    for (int64_t b = mine.begin; b < mine.end; ++b) {
      const Rows::Place from = rows.place(b, H), to = rows.place(b, F);
      for (int64_t i = 0; i < H; ++i) read[to.begin + i * to.stride] = hidden[from.begin + i * from.stride];
      for (int64_t k = 0; k < N; ++k)
        for (int64_t e = 0; e < E; ++e)
          read[to.begin + (H + k * E + e) * to.stride] = in_window(b, N - 1 - k, e);
    }
#pragma omp barrier
  }

  // By all threads together: the logits after the tokens.
  void step(const int64_t* tokens, OutputLayer& output, float* logits) const {
    const Share mine = share(H), own_rows = share(B);
    shift(tokens, own_rows);
#pragma omp barrier
    rows.map<false>(window, N * E, part(0, WEIGHT), part(0, BIAS), mine, hidden, H);
    activate(hidden, mine);
#pragma omp barrier
    for (int64_t layer = 1; layer < depth; ++layer) add_layer(layer, mine);
    if (is_direct) concatenate(own_rows);
    output(rows, is_direct ? read : hidden, logits);
  }
};

}  // namespace

// `state`: (B, (N - 1) E), the newest words, the newest first, read and written; `epsilon`: of the
// normalisation.
extern "C" void generate_float32(const int64_t* layers, const int64_t* around, float* state,
                                 const float* epsilon, const Request* request, int64_t activation,
                                 int64_t depth, int64_t N, int64_t E, int64_t H, int64_t is_direct,
                                 int64_t P, int threads) {
  const int64_t B = request->B, F = H + N * E;
  OutputLayer output(around, B, is_direct ? F : H, P, request->V);
  std::vector<float> space(Rows::room(B, 2 * F + H) + Normal::room(B, H, threads));
  float* window = space.data();
  float *hidden = window + Rows::room(B, N * E), *branch = hidden + Rows::room(B, H);
  float *read = branch + Rows::room(B, H), *normals = read + Rows::room(B, F);
  const Rows rows{B, nullptr};
  const NGram model{layers, around,    Activation(activation), depth, B, N, E, H,
                    is_direct != 0, rows, {rows, H, *epsilon, normals},
                    window, hidden,    branch,                 read};
  model.over_state(state, [](float& outside, float& inside) { inside = outside; });
  const int64_t products = H * (N * E + (depth - 1) * H) + output.products();
  generate(*request, products, threads, [&](int64_t, const int64_t* tokens, float* logits) {
    model.step(tokens, output, logits);
  });
  model.over_state(state, [](float& outside, float& inside) { outside = inside; });
}
