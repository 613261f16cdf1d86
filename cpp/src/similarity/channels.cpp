#include <algorithm>
#include <cmath>
#include <limits>

#include "sealframe/cpu.hpp"
#include "sealframe/similarity.hpp"
#include "similarity/channels_kernels.hpp"
#include "similarity/cosine.hpp"

namespace sealframe::similarity {
namespace {

const ChannelKernels& kernels() {
#if defined(__x86_64__)
    if (cpu::runs_avx2()) return avx2_channels;
#elif defined(__aarch64__)
    if (cpu::runs_neon()) return neon_channels;
#endif
    return scalar_channels;
}

constexpr std::size_t max_pixels = std::size_t{1} << 32;
constexpr std::size_t batch = 256;

float cosine(const FloatSums& sums) {
    if (sums.aa == 0.0F || sums.bb == 0.0F) return sums.aa == sums.bb ? 1.0F : 0.0F;
    const double length = std::sqrt(static_cast<double>(sums.aa) * static_cast<double>(sums.bb));
    return static_cast<float>(static_cast<double>(sums.dot) / length);
}

bool finite(const FloatSums& sums) {
    constexpr float max = std::numeric_limits<float>::max();
    return sums.aa <= max && sums.bb <= max;
}

Status check(const void* a, const void* b, std::size_t pixels, std::size_t channels, const void* out) {
    if (a == nullptr || b == nullptr || out == nullptr) return Status::null_pointer;
    if (channels < 1 || channels > max_channels) return Status::channels;
    return pixels > max_pixels ? Status::image_size : Status::ok;
}

}  // namespace

Status channel_cosine(const std::uint8_t* a, const std::uint8_t* b, std::size_t pixels, std::size_t channels,
                      int zero, std::int8_t* out) {
    if (const Status status = check(a, b, pixels, channels, out); status != Status::ok) return status;
    if (zero < 0 || zero > 255) return Status::threshold;
    const ChannelKernels& use = kernels();
    IntegerSums sums[batch];
    for (std::size_t at = 0; at < pixels; at += batch) {
        const std::size_t some = std::min(batch, pixels - at);
        use.bytes(sums, a + at * channels, b + at * channels, some, channels, zero);
        for (std::size_t i = 0; i < some; ++i) out[at + i] = cosine(sums[i].dot, sums[i].aa, sums[i].bb);
    }
    return Status::ok;
}

Status channel_cosine(const float* a, const float* b, std::size_t pixels, std::size_t channels, float* out) {
    if (const Status status = check(a, b, pixels, channels, out); status != Status::ok) return status;
    const ChannelKernels& use = kernels();
    FloatSums sums[batch];
    for (std::size_t at = 0; at < pixels; at += batch) {
        const std::size_t some = std::min(batch, pixels - at);
        use.floats(sums, a + at * channels, b + at * channels, some, channels);
        for (std::size_t i = 0; i < some; ++i) {
            if (!finite(sums[i])) return Status::not_finite;
            out[at + i] = cosine(sums[i]);
        }
    }
    return Status::ok;
}

}  // namespace sealframe::similarity
