// Method: ChaCha12 words become normal noise by a table, which moves the mean by a deviation from a table.
// Instructions: the baseline's; the words are those of the sampling kernels.

#include <algorithm>

#include "derivation/noise_tables.hpp"
#include "sealframe/derivation.hpp"
#include "sealframe/sampling.hpp"

namespace sealframe::derivation {
namespace {

constexpr std::size_t some_words = 512;
constexpr int latent_bits = noise_bits + deviation_bits;

std::int32_t noise_of(std::uint16_t word) {
    return word >= half_words ? upper_noise[word - half_words] : -upper_noise[half_words - 1 - word];
}

std::uint8_t drawn(std::uint8_t mean, std::uint8_t log_variance, std::uint16_t word) {
    const std::int32_t moved =
        (mean << latent_bits) + deviations[log_variance] * noise_of(word) + (1 << (latent_bits - 1));
    return static_cast<std::uint8_t>(std::clamp(moved >> latent_bits, 0, 255));
}

}  // namespace

Status sample_posterior(const std::uint8_t* mean, const std::uint8_t* log_variance, std::size_t count,
                        const std::uint8_t seed[32], std::uint64_t first, std::uint8_t* out) {
    if (mean == nullptr || log_variance == nullptr || seed == nullptr || out == nullptr) {
        return Status::null_pointer;
    }
    if (first > features::max_words || count > features::max_words - first) return Status::stream_position;
    std::uint16_t words[some_words];
    for (std::size_t done = 0; done < count;) {
        const std::size_t some = std::min(some_words, count - done);
        if (const Status status = features::random_words(seed, first + done, some, words);
            status != Status::ok) {
            return status;
        }
        for (std::size_t i = 0; i < some; ++i, ++done) {
            out[done] = drawn(mean[done], log_variance[done], words[i]);
        }
    }
    return Status::ok;
}

}  // namespace sealframe::derivation
