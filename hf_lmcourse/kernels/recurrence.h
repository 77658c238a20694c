// What the kernels of gated recurrences share: the walk through time, forward and back, around the
// equations of a cell.
//
// What torch does in a dozen calls a step is done in one pass: the product with the recurrent
// matrix U, packed once so that it is read in the order of use, leaves the gates of sixteen units
// in registers, where the cell's equations are applied before anything is stored. The threads share
// the units, so that each reads its own part of U at every step, out of its own cache; or the rows
// of the batch, if there are many and all of U has room there: then no thread waits for another.
// Where the processor has tiles of bfloat16, recurrence_tiles.h does this.
//
// Shapes: T steps, B rows of the batch, H units; gates as blocks of H.
// In bfloat16 are what is multiplied, what comes in and goes out, and what is kept of the gates for
// the backward pass; sums, gates as they are computed and states between the steps are float32.

#pragma once

#include "recurrence_tiles.h"

namespace {

// What a thread computes: blocks of W units, for rows of the batch.
struct Part {
  Share blocks, rows;
  bool is_alone;  // whether it reads only what it has written itself

  Part(int64_t all_blocks, int64_t B, int64_t bytes_of_U)
      : blocks{0, all_blocks}, rows{0, B}, is_alone(false) {
    constexpr int64_t CACHE = 1 << 18;  // of a core, with room for the states beside it
    constexpr int64_t MANY = 24;        // rows of a thread
    is_alone = bytes_of_U <= CACHE && B >= MANY * omp_get_num_threads();
    (is_alone ? rows : blocks) = share(is_alone ? B : all_blocks);
  }
};

// All steps of a cell, which has B, H, hidden, a number of GATES, and for a row b and the units from
// u on `start(t, b, u, sum)`, what is added to U h_{t-1}, and `step(t, b, u, sum)`, the new states.
template <class Cell, class N>
void walk_forward(const Cell& cell, const N* U, int64_t T, int threads) {
#ifdef HAS_TILES
  if constexpr (std::is_same_v<N, bfloat16>)
    if (tiles_allowed()) return walk_forward_in_tiles(cell, U, T, threads);
#endif
  using Entry = typename Dtype<N>::Entry;
  constexpr int PER = Dtype<N>::PER, GATES = Cell::GATES;
  const int64_t B = cell.B, H = cell.H, depth = H / PER, blocks = (H + W - 1) / W;
#pragma omp parallel num_threads(threads)
  {
    const int64_t part = depth * GATES * W;  // of A, for one block, of a vector for each gate
    const Part own(blocks, B, blocks * part * sizeof(Entry));
    const Share mine = own.blocks;
    std::vector<Entry> A((mine.end - mine.begin) * part, Entry{});
    for (int64_t u = mine.begin * W; u < mine.end * W && u < H; ++u)
      for (int q = 0; q < GATES; ++q)
        for (int64_t k = 0; k < depth; ++k)
          A[(u / W - mine.begin) * part + packed_at(k, q, GATES, depth) + u % W] =
              Dtype<N>::entry(U + (q * H + u) * H + k * PER);
    for (int64_t t = 0; t < T; ++t) {
      for (int64_t block = mine.begin; block < mine.end; ++block) {
        const Entry* columns = A.data() + (block - mine.begin) * part;
        over_rows<most_rows(GATES)>(own.rows, [&](auto rows, int64_t b) {
          vec sum[rows()][GATES];
          for (int r = 0; r < rows(); ++r) cell.start(t, b + r, block * W, sum[r]);
          multiply<rows(), GATES>(sum, cell.hidden + (t * B + b) * H, H, columns, H);
          for (int r = 0; r < rows(); ++r) cell.step(t, b + r, block * W, sum[r]);
        });
      }
      if (!own.is_alone) {
#pragma omp barrier
      }
    }
  }
}

// dh_{t-1} += du_t U, with du_t the gradient of the recurrent product U h_{t-1}; `depth` rows of U.
template <int R, int V, class N>
inline void through_product(float* dh, const N* du, int64_t u, int64_t H,
                            const typename Dtype<N>::Entry* A, int64_t depth) {
  vec sum[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) sum[r][v] = load_some(dh + r * H + u + v * W, H - u - v * W);
  multiply<R, V>(sum, du, depth, A, depth);
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store_some(dh + r * H + u + v * W, sum[r][v], H - u - v * W);
}

// All steps back through a cell, which has B, H, a number of GATES, dh, du, and
// `through_gates(t, b, u)`: from dh_t to du_t, leaving in dh what bypasses the product.
template <class Cell, class N>
void walk_back(const Cell& cell, const N* U, int64_t T, int threads) {
#ifdef HAS_TILES
  if constexpr (std::is_same_v<N, bfloat16>)
    if (tiles_allowed()) return walk_back_in_tiles(cell, U, T, threads);
#endif
  using Entry = typename Dtype<N>::Entry;
  constexpr int PER = Dtype<N>::PER, V = 4;  // blocks of units that a tile computes at once
  const int64_t B = cell.B, H = cell.H, rows_of_U = Cell::GATES * H;
  const int64_t depth = rows_of_U / PER, blocks = (H + W - 1) / W;
#pragma omp parallel num_threads(threads)
  {
    const Part own(blocks, B, blocks * depth * W * sizeof(Entry));
    const Share mine = own.blocks;
    // groups of V blocks, and what is left one by one
    std::vector<Entry> A((mine.end - mine.begin) * depth * W, Entry{});
    const int64_t grouped = mine.begin + (mine.end - mine.begin) / V * V;
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t u = mine.begin * W; u < mine.end * W && u < H; ++u) {
        const int64_t block = u / W, first = block - mine.begin;
        const int64_t group = block < grouped ? first / V * V : first;
        const int64_t width = block < grouped ? V : 1;
        A[group * depth * W + packed_at(k, first - group, width, depth) + u % W] =
            Dtype<N>::entry(U + k * PER * H + u, H);
      }
    for (int64_t t = T - 1; t >= 0; --t) {
      for (int64_t b = own.rows.begin; b < own.rows.end; ++b)
        for (int64_t block = mine.begin; block < mine.end; ++block)
          cell.through_gates(t, b, block * W);
      if (!own.is_alone) {
#pragma omp barrier
      }
      for (int64_t block = mine.begin; block < mine.end;) {
        const Entry* columns = A.data() + (block - mine.begin) * depth * W;
        const bool whole = block < grouped;
        over_rows<most_rows(V)>(own.rows, [&](auto rows, int64_t b) {
          float* dh = cell.dh + b * H;
          const N* du = cell.du + (t * B + b) * rows_of_U;
          if (whole)
            through_product<rows(), V>(dh, du, block * W, H, columns, rows_of_U);
          else
            through_product<rows(), 1>(dh, du, block * W, H, columns, rows_of_U);
        });
        block += whole ? V : 1;
      }
    }
  }
}

}  // namespace
