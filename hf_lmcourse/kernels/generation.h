// Many tokens of a language model in one call, as `generate` of transformers makes them: the loop
// around the choice of a token (sampling.h) and the step of a model, which brings its own kernel.
//
// A step has little arithmetic, and a hundred calls of torch and of `generate` cost more than it.

#pragma once

#include "linear.h"
#include "sampling.h"

namespace {

constexpr int64_t WORTH_THREADS = 1 << 19;  // a step with less is done before they have met

constexpr int64_t PIECE = 32, PIECES = 16;  // steps of a piece; how many until the next trial
constexpr double TRIAL_SECONDS = 2e-4;

// Several threads or one, whichever is faster now: threads wait for each other some times a step,
// and for long if another process has the core of one. The steps are made in pieces, the first of
// them to fill the caches; now and then a short one is a trial of the other way.
struct Team {
  int threads;
  int64_t piece = 0;
  double many = 0, one = 0;  // seconds a step, as last measured

  bool is_trial() const { return piece % PIECES == 2; }
  bool is_one() const { return piece >= 2 && (one < many && piece > 2) != is_trial(); }
  int size() const { return is_one() ? 1 : threads; }

  // How many steps the next piece has.
  int64_t steps() const {
    if (piece == 0) return 1;
    if (piece > 1 && !is_trial()) return PIECE;
    return std::clamp<double>(TRIAL_SECONDS / many, 1, PIECE);
  }

  void took(double seconds) {
    (is_one() ? one : many) = seconds / steps();
    ++piece;
  }
};

// What is asked for: addresses and numbers, in the order of compiled_generation.py. B rows of the
// batch, V words.
struct Request {
  const int64_t *suppressed, *ends;  // tokens never chosen; tokens that end a row
  const float* settings;             // the temperature, 0 for the likeliest token, and top_p
  const float* q;                    // (steps, B, V) of an exponential distribution, or null
  float* logits;      // (B, V), of the first token, and in the end of the one after the last
  int64_t* tokens;    // (steps, B), written
  uint8_t* finished;  // (B), read and written
  int64_t* chosen;    // the steps that were made, or -1 if there were no probabilities to draw by
  int64_t B, V, steps, suppressions, endings, top_k, least_kept;
  int64_t padding;  // the token of a row that has ended
  int64_t is_end;   // whether nothing follows: then the last token is not read
};
static_assert(sizeof(void*) == sizeof(int64_t), "an address is one number");

inline float* memory(int64_t address) { return reinterpret_cast<float*>(address); }

// What is around the layers, in the order of compiled_generation.py; a projection, if there is one,
// is between them and the output matrix.
enum Around { EMBEDDINGS, PROJECTION, OUTPUT, OUTPUT_BIAS };

struct OutputLayer {
  const int64_t* around;
  int64_t size, P, V;         // features that it reads; of its own input, if projected; words
  std::vector<float> projected;

  OutputLayer(const int64_t* around, int64_t B, int64_t size, int64_t P, int64_t V)
      : around(around), size(size), P(P), V(V), projected(Rows::room(B, P)) {}

  int64_t products() const { return P * V + (around[PROJECTION] ? size * P : 0); }

  // By all threads together: `logits` (B, V) of what `rows` takes.
  void operator()(const Rows& rows, const float* inputs, float* logits) {
    int64_t depth = size;
    if (around[PROJECTION]) {
      rows.map<false>(inputs, depth, memory(around[PROJECTION]), nullptr, share(P),
                      projected.data(), P);
      inputs = projected.data();
      depth = P;
#pragma omp barrier
    }
    rows.linear(inputs, depth, memory(around[OUTPUT]), memory(around[OUTPUT_BIAS]), share(V),
                [&](int64_t b, int64_t o, float y) { logits[b * V + o] = y; });
#pragma omp barrier
  }
};

// `step(n, tokens, logits)`, by all threads together: the logits after the tokens of step n. It is
// not called for tokens after which all rows are finished.
template <class Step>
void generate(const Request& request, int64_t products, int threads, Step step) {
  const int64_t B = request.B, V = request.V, steps = request.steps;
  if (B * products < WORTH_THREADS) threads = 1;
  std::vector<float> scores(V);
  std::vector<int64_t> order(V);
  const Sampler sampler{request.suppressed,   request.ends,       request.suppressions,
                        request.endings,      V,                  request.top_k,
                        request.least_kept,   request.settings[0], request.settings[1]};
  bool done = false;
  const auto choose = [&](int64_t n, int64_t* now) {
    bool all = request.endings > 0, lost = false;
    for (int64_t b = 0; b < B; ++b) {
      const float* draw = request.q ? request.q + (n * B + b) * V : nullptr;
      const int64_t token =
          sampler.choose(request.logits + b * V, draw, scores.data(), order.data());
      now[b] = request.finished[b] ? request.padding : token;
      lost = lost || token < 0;
      request.finished[b] |= sampler.ends_row(now[b]);
      all = all && request.finished[b];
    }
    *request.chosen = lost ? -1 : n + 1;
    done = all || lost;
  };
  const auto make = [&](int64_t begin, int64_t end, int team) {
#pragma omp parallel num_threads(team)
    for (int64_t n = begin; n < end && !done; ++n) {
      int64_t* now = request.tokens + n * B;
#pragma omp barrier
      if (omp_get_thread_num() == 0) choose(n, now);
#pragma omp barrier
      if (!done && !(request.is_end && n + 1 == steps)) step(n, now, request.logits);
    }
  };
  Team team{threads};
  for (int64_t n = 0; n < steps && !done;) {
    const int64_t end = std::min(n + team.steps(), steps);
    const double began = omp_get_wtime();
    make(n, end, team.size());
    team.took(omp_get_wtime() - began);
    n = end;
  }
}

}  // namespace
