// A set without kernels has those of the set before it. Compiled, never run.

#include "cpu/dispatch.hpp"

namespace {

using sealframe::cpu::Dispatch;
using enum sealframe::cpu::Isa;

constexpr int plain = 1, wide = 2, wider = 3;

constexpr Dispatch<int> alone = {{scalar, &plain}};
static_assert(&alone.of(scalar) == &plain && &alone.of(avx2) == &plain);
static_assert(&alone.of(avx512) == &plain && &alone.of(neon) == &plain);

constexpr Dispatch<int> without_the_best = {{scalar, &plain}, {avx2, &wide}};
static_assert(&without_the_best.of(scalar) == &plain && &without_the_best.of(avx2) == &wide);
static_assert(&without_the_best.of(avx512) == &wide);

constexpr Dispatch<int> with_a_gap = {{scalar, &plain}, {avx512, &wider}};
static_assert(&with_a_gap.of(avx2) == &plain && &with_a_gap.of(avx512) == &wider);

}  // namespace
