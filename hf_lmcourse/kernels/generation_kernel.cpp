// Many tokens of a recurrent language model in one call, in float32: embedding, cells, output layer
// and choice of the next token. The equations are in elman.py, lstm.py and gru.py, the choice in
// sampling.h.
//
// A step has little arithmetic, and a hundred calls of torch and of `generate` cost more than it.
// The threads share the units of each layer and the words of the output layer.
//
// Shapes: B rows of the batch, V words, H units, G gates of H units each.

#include "linear.h"
#include "sampling.h"

namespace {

enum Cell { ELMAN_TANH, ELMAN_SIGMOID, ELMAN_RELU, LSTM, CAPPED_LSTM, GRU };

constexpr int64_t gates_of(Cell cell) { return cell < LSTM ? 1 : cell < GRU ? 4 : 3; }

// Of a layer, in the order of compiled_generation.py. States: (B, H), read and written.
enum Part { INPUT, INPUT_BIAS, RECURRENT, RECURRENT_BIAS, HIDDEN, CELL, PARTS };

// Of the model around the layers; the projection is null if there is none.
enum Around { EMBEDDINGS, PROJECTION, OUTPUT, OUTPUT_BIAS, AROUND };

constexpr int64_t WORTH_THREADS = 1 << 19;  // a step with less is done before they have met

constexpr int64_t TRIAL = 32, TRIALS = 64;  // steps of a trial; how many until the next comparison

// Several threads or one, whichever is faster now: threads wait for each other some times a step,
// and for long if another process has the core of one.
struct Team {
  int threads;
  int64_t trial = 0;
  double many = 0, one = 0;

  int size() const {
    if (trial == 0) return threads;
    return trial == 1 || one < many ? 1 : threads;
  }

  void took(double seconds) {
    if (trial == 0) many = seconds;
    if (trial == 1) one = seconds;
    trial = (trial + 1) % TRIALS;
  }
};

inline float* memory(int64_t address) { return reinterpret_cast<float*>(address); }

struct Model {
  const int64_t *layers, *around;
  Cell cell;
  int64_t depth, B, E, H, P, V;  // P: width of what the output matrix reads
  Rows rows;
  float *input, *x_gates, *h_gates, *next;  // (B, max(E, H)), (B, GH) twice, (B, H)

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
          if (cell == CAPPED_LSTM) i = i < 1.0f - f ? i : 1.0f - f;
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
          y = cell == ELMAN_TANH ? tanh(s) : cell == ELMAN_SIGMOID ? sigmoid(s) : (s > 0.0f ? s : vec{});
        }
        store_some(next + at, y, n);
      }
  }

  // By all threads together: the logits of the tokens that follow `tokens`.
  void step(const int64_t* tokens, float* logits) const {
    const Share mine = units(), words = share(V);
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
    if (around[PROJECTION]) {
      rows.linear(rows.inputs(x, H), H, memory(around[PROJECTION]), nullptr, share(P),
                  [&](int64_t b, int64_t o, float y) { input[b * P + o] = y; });
#pragma omp barrier
      x = input;
    }
    rows.linear(rows.inputs(x, P), P, memory(around[OUTPUT]), memory(around[OUTPUT_BIAS]), words,
                [&](int64_t b, int64_t o, float y) { logits[b * V + o] = y; });
#pragma omp barrier
  }
};

}  // namespace

// `tokens`: (steps, B), written; `logits`: (B, V), of the first of them, and in the end of the one
// after them; `q`: (steps, B, V) or null; `finished`: (B), read and written. The last token is not
// read by the model if `is_end`, nor one after which all rows are finished. `chosen`: the steps
// that were made, or -1 if there were no probabilities to draw by.
extern "C" void generate_float32(const int64_t* layers, const int64_t* around,
                                 const int64_t* suppressed, const int64_t* ends,
                                 const float* settings, const float* q, float* logits,
                                 int64_t* tokens, uint8_t* finished, int64_t* chosen, int64_t cell,
                                 int64_t depth, int64_t B, int64_t E, int64_t H, int64_t P,
                                 int64_t V, int64_t steps, int64_t suppressions, int64_t endings,
                                 int64_t top_k, int64_t least_kept, int64_t padding,
                                 int64_t is_end, int threads) {
  const int64_t G = gates_of(Cell(cell));
  const int64_t products = G * H * (E + H + (depth - 1) * 2 * H) + P * V;
  if (B * products < WORTH_THREADS) threads = 1;
  const int64_t deepest = std::max({E, H, P});
  std::vector<float> space(B * (deepest + 2 * G * H + H) + Rows::room(B, deepest));
  std::vector<float> scores(V);
  std::vector<int64_t> order(V);
  float* input = space.data();
  float *x_gates = input + B * deepest, *h_gates = x_gates + B * G * H, *next = h_gates + B * G * H;
  const Model model{layers, around, Cell(cell), depth, B, E, H, P, V, {B, next + B * H},
                    input, x_gates, h_gates, next};
  const Sampler sampler{suppressed, ends, suppressions, endings, V, top_k, least_kept,
                        settings[0], settings[1]};
  bool done = false;
  const auto make = [&](int64_t begin, int64_t end, int team) {
#pragma omp parallel num_threads(team)
    for (int64_t n = begin; n < end && !done; ++n) {
      int64_t* now = tokens + n * B;
#pragma omp barrier
      if (omp_get_thread_num() == 0) {
        bool all = endings > 0, lost = false;
        for (int64_t b = 0; b < B; ++b) {
          const float* draw = q ? q + (n * B + b) * V : nullptr;
          const int64_t token = sampler.choose(logits + b * V, draw, scores.data(), order.data());
          now[b] = finished[b] ? padding : token;
          lost = lost || token < 0;
          finished[b] |= sampler.ends_row(now[b]);
          all = all && finished[b];
        }
        *chosen = lost ? -1 : n + 1;
        done = all || lost;
      }
#pragma omp barrier
      if (!done && !(is_end && n + 1 == steps)) model.step(now, logits);
    }
  };
  Team team{threads};
  for (int64_t n = 0; n < steps && !done; n += TRIAL) {
    const double began = omp_get_wtime();
    make(n, std::min(n + TRIAL, steps), team.size());
    team.took(omp_get_wtime() - began);
  }
}
