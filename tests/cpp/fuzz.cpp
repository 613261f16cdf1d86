// Feeds arbitrary arguments to the C interface and runs whatever is accepted on every instruction set of this
// CPU; aborts when two of them differ. libFuzzer's entry point, or a stand-alone program: fuzz RUNS [SEED].

#include <string.h>

#include <algorithm>

#include "cases.hpp"

namespace {

using cases::Bytes;

/// Numbers taken from the fuzzer's bytes, zero when they run out.
class Input {
  public:
    Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}

    uint8_t byte() { return size_ == 0 ? 0 : (--size_, *data_++); }
    size_t small() { return byte() % 80; }

    /// Mostly a side that works, sometimes any number at all.
    size_t side() {
        if (byte() != 0) return small();
        size_t any = 0;
        for (size_t i = 0; i < sizeof any; ++i) any = any << 8 | byte();
        return any;
    }

    Bytes fill(size_t count) {
        Bytes bytes(count);
        const uint8_t seed = byte();
        for (size_t i = 0; i < count; ++i) bytes[i] = size_ > 0 ? byte() : static_cast<uint8_t>(seed * i);
        return bytes;
    }

  private:
    const uint8_t* data_;
    size_t size_;
};

constexpr size_t most = 1 << 20;

bool holds(size_t a, size_t b, size_t c = 1) {
    return a <= most && b <= most && c <= most && a * b <= most && a * b * c <= most;
}

/// Runs call(out) on each instruction set; all must agree in status and, when accepted, in every byte.
template <typename Call>
void compare(size_t out_bytes, const Call& call) {
    Bytes first;
    int32_t first_status = 0;
    for (uint32_t i = 0; sf_usable_isa(i) != nullptr; ++i) {
        cases::check(sf_set_isa(sf_usable_isa(i)));
        Bytes out(out_bytes);
        const int32_t status = call(out.data());
        if (strlen(sf_status_text(status)) == 0) abort();
        if (i == 0) {
            first = out;
            first_status = status;
        } else if (status != first_status || (status == SF_OK && out != first)) {
            abort();
        }
    }
}

void area_mean(Input& in) {
    const int32_t order = in.byte() % 8;
    const size_t channels = order == SF_GRAY ? 1 : order <= SF_BGR ? 3 : 4;
    const size_t height = in.side(), width = in.side();
    const size_t gap = in.byte() % 3, pixel = channels + in.byte() % 2;
    if (!holds(height, width, 8)) return;
    const size_t row = width * pixel + gap;
    const Bytes pixels = in.fill(height * row + channels);
    const bool up = in.byte() % 2 == 0 && height > 0;
    const sf_image image = {sizeof(sf_image),
                            order,
                            pixels.data() + (up ? (height - 1) * row : 0),
                            height,
                            width,
                            up ? -static_cast<ptrdiff_t>(row) : static_cast<ptrdiff_t>(row),
                            static_cast<ptrdiff_t>(pixel)};
    sf_area_mean_request request = {sizeof(sf_area_mean_request), in.byte() % 4, in.byte() % 3,
                                    in.byte() * 2 - 100,          in.side(),     in.side()};
    if (in.byte() % 8 == 0) request.height = request.width = 32;
    size_t bytes = 0;
    const int32_t refused = sf_area_mean_scratch(&image, &request, &bytes);
    if (refused == SF_OK && !holds(request.height, request.width)) return;
    const cases::Scratch scratch(refused == SF_OK ? bytes : 8);
    const size_t out_bytes = refused == SF_OK ? request.height * request.width * sizeof(float) : 8;
    compare(out_bytes,
            [&](void* out) { return sf_area_mean(&image, &request, out, scratch.data(), scratch.size()); });
    compare(std::max<size_t>(height * width, 8), [&](uint8_t* out) { return sf_gray(&image, out); });
}

void window_cosine(Input& in) {
    const size_t height = in.side(), width = in.side();
    const int32_t window = in.byte() % 20 - 1;
    size_t bytes = 8;
    const int32_t refused = sf_window_cosine_scratch(height, width, window, &bytes);
    if (!holds(height, width)) return;
    const Bytes a = in.fill(height * width), b = in.fill(height * width);
    const cases::Scratch scratch(refused == SF_OK ? bytes : 8);
    compare(std::max<size_t>(height * width, 8), [&](uint8_t* out) {
        return sf_window_cosine(a.data(), b.data(), height, width, window, reinterpret_cast<int8_t*>(out),
                                scratch.data(), scratch.size());
    });
}

void channel_cosine(Input& in) {
    const size_t pixels = in.small(), channels = in.side();
    if (!holds(pixels, channels, sizeof(float))) return;
    const Bytes a = in.fill(pixels * channels * sizeof(float)),
                b = in.fill(pixels * channels * sizeof(float));
    const int32_t zero = in.byte() * 2 - 100;
    compare(std::max<size_t>(pixels, 8), [&](uint8_t* out) {
        return sf_channel_cosine_u8(a.data(), b.data(), pixels, channels, zero,
                                    reinterpret_cast<int8_t*>(out));
    });
    std::vector<float> p(pixels * channels), q(pixels * channels);
    if (!p.empty()) {
        memcpy(p.data(), a.data(), a.size());
        memcpy(q.data(), b.data(), b.size());
    }
    std::vector<float> out(pixels + 8);
    compare((pixels + 2) * sizeof(float), [&](uint8_t* to) {
        const int32_t status = sf_channel_cosine_f32(p.data(), q.data(), pixels, channels, out.data());
        memcpy(to, out.data(), pixels * sizeof(float));
        return status;
    });
}

void sampling(Input& in) {
    const size_t count = in.small() * in.small();
    const Bytes gray = in.fill(count), seed = in.fill(32);
    const uint64_t first = in.side();
    const int32_t threshold = in.byte() * 2 - 100;
    compare(count, [&](uint8_t* out) { return sf_bernoulli(gray.data(), count, seed.data(), first, out); });
    compare(count, [&](uint8_t* out) { return sf_binarise(gray.data(), count, threshold, out); });
    compare(count, [&](uint8_t* out) {
        return sf_sample_posterior(gray.data(), gray.data(), count, seed.data(), first, out);
    });
    std::vector<uint16_t> words(count);
    compare(2 * count, [&](uint8_t* out) {
        const int32_t status = sf_random_words(seed.data(), first, count, words.data());
        if (count > 0) memcpy(out, words.data(), 2 * count);
        return status;
    });
}

void tiles(Input& in) {
    const size_t height = in.byte() % 5 * 32 + in.byte() % 8 / 7, width = in.byte() % 5 * 32;
    const Bytes rows = in.fill(height * width);
    compare(height * width + 8, [&](uint8_t* out) { return sf_block(rows.data(), height, width, out); });
    compare(height * width + 8, [&](uint8_t* out) { return sf_unblock(rows.data(), height, width, out); });
    std::vector<int16_t> spectrum(height * width + 8);
    compare(2 * height * width, [&](uint8_t* out) {
        const int32_t status = sf_spectrum(rows.data(), height, width, spectrum.data());
        if (height * width > 0) memcpy(out, spectrum.data(), 2 * height * width);
        return status;
    });
    const size_t size = in.side();
    compare(height * width + 8,
            [&](uint8_t* out) { return sf_block_means(rows.data(), height, width, size, out); });
}

void reductions(Input& in) {
    const size_t height = in.side(), width = in.side();
    if (!holds(height, width)) return;
    const Bytes values = in.fill(height * width);
    const auto* map = reinterpret_cast<const int8_t*>(values.data());
    std::vector<int32_t> sums(std::max(height, width) + 8);
    int64_t three[3] = {};
    compare(height * sizeof(int32_t), [&](uint8_t* out) {
        const int32_t status = sf_row_sums(map, height, width, sums.data());
        if (height > 0) memcpy(out, sums.data(), height * sizeof(int32_t));
        return status;
    });
    compare(sizeof three, [&](uint8_t* out) {
        const int32_t status = sf_norms(map, height, width, three);
        memcpy(out, three, sizeof three);
        return status;
    });
    size_t rank_bytes = 8, pair_bytes = 8;
    sf_rank_scratch(height, width, &rank_bytes);
    sf_leading_pair_scratch(height, width, &pair_bytes);
    const cases::Scratch for_rank(rank_bytes), for_pair(pair_bytes);
    compare(sizeof(int32_t), [&](uint8_t* out) {
        const int32_t status = sf_rank(map, height, width, sums.data(), for_rank.data(), for_rank.size());
        memcpy(out, sums.data(), sizeof(int32_t));
        return status;
    });
    compare((width + 2) * sizeof(int32_t), [&](uint8_t* out) {
        const int32_t status =
            sf_leading_pair(map, height, width, three, sums.data(), for_pair.data(), for_pair.size());
        memcpy(out, sums.data(), width * sizeof(int32_t));
        memcpy(out + width * sizeof(int32_t), three, sizeof *three);
        return status;
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Input in(data, size);
    constexpr void (*targets[])(Input&) = {area_mean, window_cosine, channel_cosine,
                                           sampling,  tiles,         reductions};
    targets[in.byte() % 6](in);
    return 0;
}

#ifndef SEALFRAME_LIBFUZZER
int main(int argc, char** argv) {
    const uint64_t runs = argc > 1 ? strtoull(argv[1], nullptr, 10) : 10000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1;
    for (uint64_t i = 0; i < runs; ++i) {
        const Bytes input = cases::random_bytes(16 + i % 600, seed + i * 1000003);
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    printf("%llu runs, no difference\n", static_cast<unsigned long long>(runs));
    return 0;
}
#endif
