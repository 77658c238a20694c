// Layer normalisation of few rows and of many, in float32: y = (x - mean) / deviation * w + b.

#pragma once

#include "linear.h"

#include <cmath>

namespace {

struct Normal {
  Rows rows;
  int64_t D;
  float epsilon;
  float* space;  // `room`

  // Of a few rows each thread has a copy: to compute one is less work than to wait for another.
  static int64_t room(int64_t B, int64_t D, int threads) {
    return Rows::room(B, Rows::few(B) ? threads * D : D);
  }

  // By all threads together: what each of them may read afterwards, in the order of Rows.
  const float* operator()(const float* x, const float* weight, const float* bias) const {
    if (rows.are_few()) {
      float* own = space + omp_get_thread_num() * rows.B * D;
      for (int64_t b = 0; b < rows.B; ++b) row(x + b * D, own + b * D, weight, bias);
      return own;
    }
    const Share mine = share(rows.vectors());
    for (int64_t v = mine.begin; v < mine.end; ++v) {
      const Rows::Place at = rows.place(v * W, D);
      lanes(x + at.begin, space + at.begin, at.stride, weight, bias);
    }
#pragma omp barrier
    return space;
  }

 private:
  void row(const float* x, float* y, const float* weight, const float* bias) const {
    vec sum{}, squares{};
    const auto over = [&](auto visit) {
      int64_t i = 0;
      for (; i + W <= D; i += W) visit(whole, i, W);
      const int n = int(D - i);
      if (n) visit([=](const float* p) { return load_tail(p, n); }, i, n);
    };
    over([&](auto read, int64_t i, int) { sum += read(x + i); });
    const float mean = total(sum) / D;
    over([&](auto read, int64_t i, int n) {
      store_some(y + i, read(x + i) - mean, n);
      const vec centred = read(y + i);
      squares += centred * centred;
    });
    const float scale = 1.0f / std::sqrt(total(squares) / D + epsilon);
    over([&](auto read, int64_t i, int n) {
      store_some(y + i, read(y + i) * scale * read(weight + i) + read(bias + i), n);
    });
  }

  // W rows at once.
  void lanes(const float* x, float* y, int64_t stride, const float* weight,
             const float* bias) const {
    vec sum{}, squares{}, scale{};
    for (int64_t i = 0; i < D; ++i) sum += load(x + i * stride);
    const vec mean = sum / float(D);
    for (int64_t i = 0; i < D; ++i) {
      const vec centred = load(x + i * stride) - mean;
      squares += centred * centred;
    }
    for (int i = 0; i < W; ++i) scale[i] = 1.0f / std::sqrt(squares[i] / D + epsilon);
    for (int64_t i = 0; i < D; ++i)
      store(y + i * stride, (load(x + i * stride) - mean) * scale * weight[i] + bias[i]);
  }
};

}  // namespace
