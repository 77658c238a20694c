// The walks of recurrence.h through time where the products are those of tiles: the bfloat16 of a
// processor with AMX. The states, or the gradients of the gates, of all rows of the batch are packed
// as tiles by the threads that compute them, twice in turn: a thread that is done with a step writes
// the next one while another still reads.

#pragma once

#include "amx.h"

#ifdef HAS_TILES
namespace {

// The rows of a batch in pairs of tiles of one height, and `depth` tiles next to each other.
struct Batch {
  int64_t B, depth, pairs = (B + 2 * SIDE - 1) / (2 * SIDE);
  int height = (B + 2 * pairs - 1) / (2 * pairs);

  int64_t tiles() const { return 2 * pairs * depth; }

  // What is packed of a row from column k on: at most 16 values, k being a multiple of 16.
  void put(Tile* tiles, int64_t b, int64_t k, const bfloat16* values, int64_t n) const {
    uint16_t* row = tiles[b / height * depth + k / DEPTH].values + b % height * DEPTH + k % DEPTH;
    if (n >= SIDE)
      std::memcpy(row, values, SIDE * sizeof *values);
    else
      std::memcpy(row, values, n * sizeof *values);
  }

  // The products of each row with 16 x `COLUMNS` columns, one packed after the other.
  template <int COLUMNS, class Take>
  void multiply(const Tile* rows, const Tile* columns, Take take) const {
    alignas(64) float products[2 * SIDE][COLUMNS * SIDE];
    for (int64_t b = 0; b < B; b += 2 * height, rows += 2 * depth) {
      for (int c = 0; c + 1 < COLUMNS; c += 2)
        multiply_tiles<2, 1>(products[0] + c * SIDE, COLUMNS * SIDE, height, rows,
                             columns + c * depth, depth);
      if constexpr (COLUMNS % 2)
        multiply_tiles<1, 1>(products[0] + (COLUMNS - 1) * SIDE, COLUMNS * SIDE, height, rows,
                             columns + (COLUMNS - 1) * depth, depth);
      for (int64_t r = 0; r < 2 * height && b + r < B; ++r) take(b + r, products[r]);
    }
  }
};

template <class Cell>
void walk_forward_in_tiles(const Cell& cell, const bfloat16* U, int64_t T, int threads) {
  constexpr int GATES = Cell::GATES;
  const int64_t B = cell.B, H = cell.H, blocks = (H + SIDE - 1) / SIDE;
  const Batch batch{B, (H + DEPTH - 1) / DEPTH};
  std::vector<Tile> states(2 * batch.tiles());
#pragma omp parallel num_threads(threads)
  {
    const TileShapes shapes(batch.height);
    const Share mine = share(blocks);
    const int64_t part = GATES * batch.depth;  // of A, for one block: (gate, depth)
    std::vector<Tile> A((mine.end - mine.begin) * part);
    ivec infinite{};
    for (int64_t block = mine.begin; block < mine.end; ++block)
      for (int64_t i = 0; i < part; ++i) {
        const int64_t u = block * SIDE, k = i % batch.depth * DEPTH;
        pack_transposed(U + (i / batch.depth * H + u) * H + k, H, H - u, H - k,
                        &A[(block - mine.begin) * part + i], infinite);
      }
    const auto keep = [&](int64_t t, int64_t b, int64_t u) {
      batch.put(&states[t % 2 * batch.tiles()], b, u, cell.hidden + (t * B + b) * H + u, H - u);
    };
    for (int64_t b = 0; b < B; ++b)
      for (int64_t block = mine.begin; block < mine.end; ++block) keep(0, b, block * SIDE);
    for (int64_t t = 0; t < T; ++t) {
#pragma omp barrier
      for (int64_t block = mine.begin; block < mine.end; ++block)
        batch.multiply<GATES>(&states[t % 2 * batch.tiles()], &A[(block - mine.begin) * part],
                              [&](int64_t b, const float* product) {
          vec sum[GATES];
          cell.start(t, b, block * SIDE, sum);
          for (int q = 0; q < GATES; ++q) sum[q] += load(product + q * SIDE);
          cell.step(t, b, block * SIDE, sum);
          keep(t + 1, b, block * SIDE);
        });
    }
  }
}

// The columns of U from u on, as a right factor; the rows of each gate begin a multiple of 16.
inline void pack_rows(const bfloat16* U, int64_t gates, int64_t H, int64_t u, Tile* tiles) {
  const int64_t padded = (H + SIDE - 1) / SIDE * SIDE;
  for (int64_t q = 0; q < gates; ++q)
    for (int64_t j = 0; j < H; j += 2) {
      const bfloat16* row = U + (q * H + j) * H + u;
      const vec first = load_some(row, H - u), second = j + 1 < H ? load_some(row + H, H - u) : vec{};
      typedef uint32_t words __attribute__((vector_size(W * 4)));
      words low, high;
      std::memcpy(&low, &first, sizeof low);
      std::memcpy(&high, &second, sizeof high);
      const words both = low >> 16 | high;
      const int64_t k = q * padded + j;
      std::memcpy(tiles[k / DEPTH].values + k % DEPTH * SIDE, &both, sizeof both);
    }
}

template <class Cell>
void walk_back_in_tiles(const Cell& cell, const bfloat16* U, int64_t T, int threads) {
  constexpr int GATES = Cell::GATES;
  const int64_t B = cell.B, H = cell.H, blocks = (H + SIDE - 1) / SIDE;
  const Batch batch{B, (GATES * blocks * SIDE + DEPTH - 1) / DEPTH};
  std::vector<Tile> gradients(2 * batch.tiles());
#pragma omp parallel num_threads(threads)
  {
    const TileShapes shapes(batch.height);
    const Share mine = share(blocks);
    std::vector<Tile> A((mine.end - mine.begin) * batch.depth);
    for (int64_t block = mine.begin; block < mine.end; ++block)
      pack_rows(U, GATES, H, block * SIDE, &A[(block - mine.begin) * batch.depth]);
    for (int64_t t = T - 1; t >= 0; --t) {
      Tile* du = &gradients[t % 2 * batch.tiles()];
      for (int64_t b = 0; b < B; ++b)
        for (int64_t u = mine.begin * SIDE; u < mine.end * SIDE; u += SIDE) {
          cell.through_gates(t, b, u);
          for (int64_t q = 0; q < GATES; ++q)
            batch.put(du, b, q * blocks * SIDE + u, cell.du + ((t * B + b) * GATES + q) * H + u,
                      H - u);
        }
#pragma omp barrier
      for (int64_t block = mine.begin; block < mine.end;) {
        const Tile* columns = &A[(block - mine.begin) * batch.depth];
        const auto add = [&](auto width) {
          batch.multiply<width()>(du, columns, [&](int64_t b, const float* product) {
            for (int64_t u = block * SIDE, v = 0; v < width(); ++v, u += SIDE) {
              float* dh = cell.dh + b * H + u;
              store_some(dh, load_some(dh, H - u) + load(product + v * SIDE), H - u);
            }
          });
          block += width();
        };
        if (block + 1 < mine.end)
          add(std::integral_constant<int, 2>{});
        else
          add(std::integral_constant<int, 1>{});
      }
    }
  }
}

}  // namespace
#endif
