// Method: ChaCha12 in counter mode, sixteen blocks a batch; a pixel is drawn by comparison with a word.
// Instructions: those of the sampling kernels; the baseline's for thresholds and standardising.

#include "sealframe/sampling.hpp"

#include <algorithm>
#include <cstring>

#include "cpu/dispatch.hpp"
#include "features/sampling_kernels.hpp"

namespace sealframe::features {
namespace {

constexpr cpu::Dispatch<SamplingKernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_sampling},
#include "generated/features/sampling.def"
};

/// Calls take(words, index of the first, how many) for the words first .. first + count - 1 of the seed's
/// stream.
template <typename Take>
void for_words(const std::uint8_t* seed, std::uint64_t first, std::size_t count, const Take& take) {
    std::uint32_t key[8];
    for (std::size_t i = 0; i < 8; ++i) {
        const std::uint8_t* b = seed + 4 * i;
        key[i] = static_cast<std::uint32_t>(b[0]) | static_cast<std::uint32_t>(b[1]) << 8 |
                 static_cast<std::uint32_t>(b[2]) << 16 | static_cast<std::uint32_t>(b[3]) << 24;
    }
    const SamplingKernels& use = kernels.active();
    std::uint64_t counter = first / block_words;
    std::size_t skipped = first % block_words;
    alignas(64) std::uint16_t words[batch_words];
    for (std::size_t done = 0; done < count; counter += batch_blocks, skipped = 0) {
        use.batch(key, counter, words);
        const std::size_t some = std::min(batch_words - skipped, count - done);
        take(words + skipped, done, some);
        done += some;
    }
}

Status check_stream(std::uint64_t first, std::size_t count) {
    return first > max_words || count > max_words - first ? Status::stream_position : Status::ok;
}

}  // namespace

Status random_words(const std::uint8_t seed[seed_bytes], std::uint64_t first, std::size_t count,
                    std::uint16_t* out) {
    if (seed == nullptr || out == nullptr) return Status::null_pointer;
    if (const Status status = check_stream(first, count); status != Status::ok) return status;
    for_words(seed, first, count, [=](const std::uint16_t* words, std::size_t at, std::size_t some) {
        std::memcpy(out + at, words, some * sizeof *words);
    });
    return Status::ok;
}

Status bernoulli(const std::uint8_t* gray, std::size_t count, const std::uint8_t seed[seed_bytes],
                 std::uint64_t first, std::uint8_t* out) {
    if (gray == nullptr || seed == nullptr || out == nullptr) return Status::null_pointer;
    if (const Status status = check_stream(first, count); status != Status::ok) return status;
    const SamplingKernels& use = kernels.active();
    for_words(seed, first, count, [&](const std::uint16_t* words, std::size_t at, std::size_t some) {
        use.bernoulli(out + at, gray + at, words, some);
    });
    return Status::ok;
}

Status binarise(const std::uint8_t* gray, std::size_t count, int threshold, std::uint8_t* out) {
    if (gray == nullptr || out == nullptr) return Status::null_pointer;
    if (threshold < 0 || threshold > 255) return Status::threshold;
    const auto least = static_cast<std::uint8_t>(threshold);
    for (std::size_t i = 0; i < count; ++i) out[i] = gray[i] >= least ? 1 : 0;
    return Status::ok;
}

Status standardise(const std::uint8_t* gray, std::size_t count, float* out) {
    if (gray == nullptr || out == nullptr) return Status::null_pointer;
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(2 * gray[i] - 255) * (1.0F / 255.0F);
    return Status::ok;
}

}  // namespace sealframe::features
