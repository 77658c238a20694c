// Products in the tiles of Intel AMX: a tile of sums has 16 x 16 float32, and one instruction adds
// the product of 16 x 32 by 32 x 16 values in bfloat16.
//
// A float32 number has 24 significant bits and is, exactly, the sum of three bfloat16 numbers of 8,
//
//     x = x_0 + x_1 + x_2        |x_p| < 2^(1 - 8p) |x|
//
// so that a product in float32 is six in bfloat16: of all x_p y_q with p + q <= 2, each exact. What
// is left out is of the order of the rounding errors of the sums. Tiles take numbers below 2^-126 as
// 0, and an infinity times a part that is 0 is NaN: whoever packs learns whether there is one.

#pragma once

#include "lanes.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512BF16__)
#define HAS_TILES
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr int SIDE = 16, DEPTH = 32;  // of a tile in bfloat16

struct alignas(64) Tile {  // a row is a line of the cache
  uint16_t values[SIDE * DEPTH];
};

template <class N>
constexpr int PARTS = std::is_same_v<N, float> ? 3 : 1;

// Whether the system lets this process use tiles, for which it wants to be asked.
inline bool tiles_allowed() {
  constexpr long REQUEST = 0x1023, TILE_DATA = 18;  // ARCH_REQ_XCOMP_PERM of Linux
  static const bool allowed = syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
  return allowed;
}

// Makes the compiler write what a tile instruction reads: it knows of 8 bytes, or of none.
inline void in_memory(const void* p) { __asm__ volatile("" ::"r"(p) : "memory"); }

// The shapes of a thread's tiles, as long as this lives: others that use tiles in this thread find
// their own again.
class TileShapes {
 public:
  // `rows` of sums, 16 at most, in each of the tiles that `multiply_tiles` uses.
  explicit TileShapes(int rows) {
    struct {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t bytes[16] = {};
      uint8_t rows[16] = {};
    } shapes;
    for (int tile = 0; tile < 8; ++tile) {
      shapes.bytes[tile] = 64;
      shapes.rows[tile] = tile < 6 ? rows : SIDE;
    }
    in_memory(&shapes);
    in_memory(before_);
    _tile_storeconfig(before_);
    _tile_loadconfig(&shapes);
  }
  ~TileShapes() {
    in_memory(before_);
    _tile_loadconfig(before_);
  }
  TileShapes(const TileShapes&) = delete;

 private:
  char before_[64];
};

// 2 x `COLUMNS` tiles of sums, to rows of `stride` floats; from factors packed as (depth, PARTS),
// where the second 16 rows or columns follow the first after `depth` x PARTS tiles.
template <int COLUMNS, int PARTS>
inline void multiply_tiles(float* sums, int64_t stride, int rows, const Tile* A, const Tile* B,
                           int64_t depth) {
  const int64_t next = depth * PARTS;
  in_memory(A);
  in_memory(B);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t k = 0; k < depth; ++k, A += PARTS, B += PARTS)
    for (int p = 0; p < PARTS; ++p) {
      _tile_loadd(4, A + p, 64);
      _tile_loadd(5, A + next + p, 64);
      for (int q = 0; p + q < PARTS; ++q) {
        _tile_loadd(6, B + q, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 5, 6);
        if constexpr (COLUMNS == 2) {
          _tile_loadd(7, B + next + q, 64);
          _tile_dpbf16ps(2, 4, 7);
          _tile_dpbf16ps(3, 5, 7);
        }
      }
    }
  _tile_stored(0, sums, stride * 4);
  _tile_stored(1, sums + rows * stride, stride * 4);
  if constexpr (COLUMNS == 2) {
    _tile_stored(2, sums + SIDE, stride * 4);
    _tile_stored(3, sums + rows * stride + SIDE, stride * 4);
  }
}

// A tile of the left factor: `rows` by `columns` of x, which has rows of `stride`, and zeros; as
// PARTS tiles. `infinite` is set where a value is infinite or NaN.
template <class N>
inline void pack_tile(const N* x, int64_t stride, int64_t rows, int64_t columns, Tile* tiles,
                      ivec& infinite) {
  typedef uint16_t half __attribute__((vector_size(W * 2)));
  for (int r = 0; r < SIDE; ++r)
    for (int c = 0; c < DEPTH; c += W) {
      const bool any = r < rows && c < columns;
      vec rest = any ? load_some(x + r * stride + c, columns - c) : vec{};
      for (int p = 0; p < PARTS<N>; ++p) {
        ivec bits;
        std::memcpy(&bits, &rest, sizeof bits);
        if (p == 0) infinite |= (bits & 0x7f800000) == 0x7f800000;
        const half first = __builtin_convertvector(bits >> 16, half);
        std::memcpy(tiles[p].values + r * DEPTH + c, &first, sizeof first);
        bits &= -65536;  // what `first` has
        vec rounded;
        std::memcpy(&rounded, &bits, sizeof rounded);
        rest -= rounded;
      }
    }
}

// A tile of the right factor, whose columns are rows of x: a row of it has two values of each.
template <class N>
inline void pack_transposed(const N* x, int64_t stride, int64_t rows, int64_t columns, Tile* tiles,
                            ivec& infinite) {
  pack_tile(x, stride, rows, columns, tiles, infinite);
  for (int p = 0; p < PARTS<N>; ++p) {
    vec pairs[SIDE];
    std::memcpy(pairs, tiles + p, sizeof pairs);
    transpose(pairs);
    std::memcpy(tiles + p, pairs, sizeof pairs);
  }
}

}  // namespace
#endif
