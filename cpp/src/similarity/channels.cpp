// Method: sums over the channels of 256 pixels, then their cosines; a float sum that is not finite ends it.
// Instructions: those of the channels kernels.

#include <algorithm>
#include <limits>

#include "cpu/dispatch.hpp"
#include "sealframe/similarity.hpp"
#include "similarity/channels_kernels.hpp"

namespace sealframe::similarity {
namespace {

constexpr cpu::Dispatch<ChannelKernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_channels},
#include "generated/similarity/channels.def"
};

/// Not when a square overflowed or a value was NaN; the products then are no larger.
bool finite(const Sums<float>& sums, std::size_t pixels) {
    constexpr float max = std::numeric_limits<float>::max();
    bool all = true;
    for (std::size_t i = 0; i < pixels; ++i) all &= sums.aa[i] <= max && sums.bb[i] <= max;
    return all;
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
    const ChannelKernels& use = kernels.active();
    Sums<std::int32_t> sums;
    for (std::size_t at = 0; at < pixels; at += batch) {
        const std::size_t some = std::min(batch, pixels - at);
        use.bytes(sums, a + at * channels, b + at * channels, some, channels, zero);
        use.byte_cosines(out + at, sums, some);
    }
    return Status::ok;
}

Status channel_cosine(const float* a, const float* b, std::size_t pixels, std::size_t channels, float* out) {
    if (const Status status = check(a, b, pixels, channels, out); status != Status::ok) return status;
    const ChannelKernels& use = kernels.active();
    Sums<float> sums;
    for (std::size_t at = 0; at < pixels; at += batch) {
        const std::size_t some = std::min(batch, pixels - at);
        use.floats(sums, a + at * channels, b + at * channels, some, channels);
        if (!finite(sums, some)) return Status::not_finite;
        use.float_cosines(out + at, sums, some);
    }
    return Status::ok;
}

}  // namespace sealframe::similarity
