// The mask of dropout from the state of torch's generator on a processor, and its product with the
// vectors in the same pass.
//
// The generator is the Mersenne Twister (Matsumoto and Nishimura 1998, mt19937). torch draws 64
// bits for an entry, the first word above the second, and keeps it where their lower 53 are below
// (1 - p) 2^53.

#include "kernel.h"

#include <algorithm>

namespace {

// What torch.get_rng_state() begins with.
struct Generator {
  static constexpr int N = 624, M = 397;
  uint64_t seed;
  int32_t left, seeded;  // left: how many words are left of these, plus one
  uint64_t next;
  uint64_t words[N];
};

class Words {
 public:
  explicit Words(Generator& generator) : generator(generator) {
    std::copy(generator.words, generator.words + N, state);
  }

  ~Words() { std::copy(state, state + N, generator.words); }

  void draw(uint32_t* out, int64_t count) {
    while (count > 0) {
      if (generator.left == 1) {
        twist();
        generator.left = N + 1;
        generator.next = 0;
      }
      const int64_t here = std::min<int64_t>(count, generator.left - 1);
      temper(state + generator.next, out, here);
      generator.left -= here;
      generator.next += here;
      out += here;
      count -= here;
    }
  }

 private:
  static constexpr int N = Generator::N, M = Generator::M;
  Generator& generator;
  uint32_t state[N];

  static uint32_t mixed(uint32_t above, uint32_t below, uint32_t far) {
    const uint32_t both = (above & 0x80000000u) | (below & 0x7fffffffu);
    return far ^ (both >> 1) ^ (-(below & 1u) & 0x9908b0dfu);
  }

  void twist() {
    for (int i = 0; i < N - M; ++i) state[i] = mixed(state[i], state[i + 1], state[i + M]);
    for (int i = N - M; i < N - 1; ++i)
      state[i] = mixed(state[i], state[i + 1], state[i - (N - M)]);
    state[N - 1] = mixed(state[N - 1], state[0], state[M - 1]);
  }

  static void temper(const uint32_t* from, uint32_t* out, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      uint32_t y = from[i];
      y ^= y >> 11;
      y ^= (y << 7) & 0x9d2c5680u;
      y ^= (y << 15) & 0xefc60000u;
      out[i] = y ^ (y >> 18);
    }
  }
};

struct Rounded {
  uint16_t bits;  // of a bfloat16
};

inline float widened(float x) { return x; }
inline float widened(Rounded x) {
  const uint32_t bits = uint32_t(x.bits) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

inline void round_to(float* y, float x) { *y = x; }

// To the nearest, and of two the even one, with subnormal numbers, which the instruction drops.
inline void round_to(Rounded* y, float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t nearest = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  y->bits = x != x ? 0x7fc0u : nearest;
}

// A dropped entry is 0 times x, as in torch: an infinite one is then no number.
template <class N>
void scaled(const N* x, const uint8_t* keep, float scale, N* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) round_to(y + i, widened(x[i]) * (keep[i] ? scale : 0.0f));
}

template <class N>
void drop(uint8_t* state, const N* x, const N* scale, N* y, uint8_t* keep, int64_t size,
          int64_t below) {
  constexpr int64_t CHUNK = 2 * Generator::N;
  uint32_t drawn[2 * CHUNK];
  Words words(*reinterpret_cast<Generator*>(state));
  for (int64_t begin = 0; begin < size; begin += CHUNK) {
    const int64_t count = std::min(CHUNK, size - begin);
    words.draw(drawn, 2 * count);
    for (int64_t i = 0; i < count; ++i) {
      uint64_t both;
      std::memcpy(&both, drawn + 2 * i, sizeof both);
      keep[begin + i] = (((both << 32) | (both >> 32)) & ((1ull << 53) - 1)) < uint64_t(below);
    }
    scaled(x + begin, keep + begin, widened(*scale), y + begin, count);
  }
}

template <class N>
void drop_again(const N* x, const uint8_t* keep, const N* scale, N* y, int64_t size, int threads) {
  constexpr int64_t FEW = 1 << 15;
#pragma omp parallel num_threads(size < FEW ? 1 : threads)
  {
    const Share mine = share(size);
    const int64_t begin = mine.begin;
    scaled(x + begin, keep + begin, widened(*scale), y + begin, mine.end - begin);
  }
}

}  // namespace

#define FUNCTIONS(kind, N)                                                                      \
  extern "C" void drop_##kind(uint8_t* state, const N* x, const N* scale, N* y, uint8_t* keep,  \
                              int64_t size, int64_t below, int) {                               \
    drop(state, x, scale, y, keep, size, below);                                                \
  }                                                                                             \
  extern "C" void drop_again_##kind(const N* x, const uint8_t* keep, const N* scale, N* y,      \
                                    int64_t size, int threads) {                                \
    drop_again(x, keep, scale, y, size, threads);                                               \
  }

FUNCTIONS(float32, float)
FUNCTIONS(bfloat16, Rounded)
