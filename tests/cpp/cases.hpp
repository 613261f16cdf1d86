#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sealframe/sealframe.h"

/// Every kernel on fixed inputs of many sizes, through the C interface.
namespace cases {

using Bytes = std::vector<uint8_t>;

inline void check(int32_t status) {
    if (status == SF_OK) return;
    fprintf(stderr, "%s\n", sf_status_text(status));
    exit(1);
}

/// SplitMix64 (Steele, Lea, Flood, 2014): the same bytes everywhere.
inline Bytes random_bytes(size_t count, uint64_t seed) {
    Bytes bytes(count);
    for (size_t i = 0; i < count; i += 8) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        z ^= z >> 31;
        for (size_t k = 0; k < 8 && i + k < count; ++k) bytes[i + k] = static_cast<uint8_t>(z >> (8 * k));
    }
    return bytes;
}

/// Few levels, so that zeros, equal vectors and the largest sums occur; random bytes when none are given.
inline Bytes random_levels(size_t count, uint64_t seed, const Bytes& levels) {
    Bytes bytes = random_bytes(count, seed);
    if (levels.empty()) return bytes;
    for (uint8_t& byte : bytes) byte = levels[byte % levels.size()];
    return bytes;
}

/// Memory of exactly this many bytes, 8-byte aligned, so that tools see every byte too far.
class Scratch {
  public:
    explicit Scratch(size_t bytes) : memory_(malloc(bytes)), bytes_(bytes) {}
    ~Scratch() { free(memory_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    void* data() const { return memory_; }
    size_t size() const { return bytes_; }

  private:
    void* memory_;
    size_t bytes_;
};

template <typename T>
Bytes bytes_of(const std::vector<T>& values) {
    const auto* begin = reinterpret_cast<const uint8_t*>(values.data());
    return Bytes(begin, begin + values.size() * sizeof(T));
}

struct Size {
    size_t height, width;
};

inline Bytes area_mean(int32_t order, Size from, Size to, int32_t feature, int32_t layout) {
    const size_t channels = order == SF_GRAY ? 1 : order <= SF_BGR ? 3 : 4;
    const Bytes pixels = random_bytes(from.height * from.width * channels, from.width);
    const sf_image image = {sizeof(sf_image),
                            order,
                            pixels.data(),
                            from.height,
                            from.width,
                            static_cast<ptrdiff_t>(from.width * channels),
                            static_cast<ptrdiff_t>(channels)};
    const sf_area_mean_request request = {
        sizeof(sf_area_mean_request), feature, layout, 128, to.height, to.width};
    size_t bytes = 0;
    check(sf_area_mean_scratch(&image, &request, &bytes));
    const Scratch scratch(bytes);
    Bytes out(to.height * to.width * (feature == SF_FEATURE_STANDARDISED ? sizeof(float) : 1));
    check(sf_area_mean(&image, &request, out.data(), scratch.data(), scratch.size()));
    return out;
}

inline Bytes gray(int32_t order, Size size) {
    const size_t channels = order <= SF_BGR ? 3 : 4;
    const Bytes pixels = random_bytes(size.height * size.width * channels, size.width);
    const sf_image image = {sizeof(sf_image),
                            order,
                            pixels.data(),
                            size.height,
                            size.width,
                            static_cast<ptrdiff_t>(size.width * channels),
                            static_cast<ptrdiff_t>(channels)};
    Bytes out(size.height * size.width);
    check(sf_gray(&image, out.data()));
    return out;
}

inline Bytes bernoulli(size_t count, uint64_t first) {
    const Bytes levels = random_bytes(count, count), seed = random_bytes(32, 7);
    Bytes out(count);
    check(sf_bernoulli(levels.data(), count, seed.data(), first, out.data()));
    return out;
}

inline Bytes sample_posterior(size_t count, uint64_t first) {
    const Bytes mean = random_bytes(count, 8), log_variance = random_bytes(count, 9),
                seed = random_bytes(32, 7);
    Bytes out(count);
    check(sf_sample_posterior(mean.data(), log_variance.data(), count, seed.data(), first, out.data()));
    return out;
}

inline Bytes standardise(size_t count) {
    const Bytes levels = random_bytes(count, count);
    std::vector<float> out(count);
    check(sf_standardise(levels.data(), count, out.data()));
    return bytes_of(out);
}

inline Bytes spectrum(Size size) {
    const Bytes rows = random_bytes(size.height * size.width, 3);
    std::vector<int16_t> out(size.height * size.width);
    check(sf_spectrum(rows.data(), size.height, size.width, out.data()));
    return bytes_of(out);
}

inline Bytes window_cosine(Size size, int32_t window, const Bytes& levels = {}) {
    const Bytes a = random_levels(size.height * size.width, 1, levels);
    const Bytes b = random_levels(size.height * size.width, 2, levels);
    size_t bytes = 0;
    check(sf_window_cosine_scratch(size.height, size.width, window, &bytes));
    const Scratch scratch(bytes);
    std::vector<int8_t> out(size.height * size.width);
    check(sf_window_cosine(a.data(), b.data(), size.height, size.width, window, out.data(), scratch.data(),
                           scratch.size()));
    return bytes_of(out);
}

inline Bytes channel_cosine_u8(size_t pixels, size_t channels, const Bytes& levels = {}) {
    const Bytes a = random_levels(pixels * channels, 1, levels),
                b = random_levels(pixels * channels, 2, levels);
    std::vector<int8_t> out(pixels);
    check(sf_channel_cosine_u8(a.data(), b.data(), pixels, channels, 128, out.data()));
    return bytes_of(out);
}

/// Floats between -1 and 1 with all bits of their fractions in use.
inline std::vector<float> random_floats(size_t count, uint64_t seed) {
    const Bytes bytes = random_bytes(4 * count, seed);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        const uint32_t word = bytes[4 * i] | bytes[4 * i + 1] << 8 | bytes[4 * i + 2] << 16;
        values[i] = static_cast<float>(static_cast<int32_t>(word) - (1 << 23)) / static_cast<float>(1 << 23);
    }
    return values;
}

/// The first pixel of one side, both of the next and the products of the third are zeros.
inline Bytes channel_cosine_f32(size_t pixels, size_t channels) {
    std::vector<float> a = random_floats(pixels * channels, 1), b = random_floats(pixels * channels, 2);
    for (size_t c = 0; c < channels; ++c) {
        a[c] = a[channels + c] = b[channels + c] = 0;
        (c % 2 == 0 ? a : b)[2 * channels + c] = -0.0F;
    }
    std::vector<float> out(pixels);
    check(sf_channel_cosine_f32(a.data(), b.data(), pixels, channels, out.data()));
    return bytes_of(out);
}

inline std::vector<int8_t> random_map(Size size) {
    const Bytes bytes = random_bytes(size.height * size.width, size.height);
    return std::vector<int8_t>(reinterpret_cast<const int8_t*>(bytes.data()),
                               reinterpret_cast<const int8_t*>(bytes.data()) + bytes.size());
}

inline Bytes block_means(Size size, size_t block) {
    const Bytes rows = random_bytes(size.height * size.width, 5);
    Bytes out(size.height / block * (size.width / block));
    check(sf_block_means(rows.data(), size.height, size.width, block, out.data()));
    return out;
}

inline Bytes row_sums(Size size) {
    std::vector<int32_t> out(size.height);
    check(sf_row_sums(random_map(size).data(), size.height, size.width, out.data()));
    return bytes_of(out);
}

inline Bytes norms(Size size) {
    std::vector<int64_t> out(3);
    check(sf_norms(random_map(size).data(), size.height, size.width, out.data()));
    return bytes_of(out);
}

inline Bytes rank(Size size) {
    size_t bytes = 0;
    check(sf_rank_scratch(size.height, size.width, &bytes));
    const Scratch scratch(bytes);
    std::vector<int32_t> out(1);
    check(sf_rank(random_map(size).data(), size.height, size.width, out.data(), scratch.data(),
                  scratch.size()));
    return bytes_of(out);
}

inline Bytes leading_pair(Size size) {
    size_t bytes = 0;
    check(sf_leading_pair_scratch(size.height, size.width, &bytes));
    const Scratch scratch(bytes);
    std::vector<int64_t> out(1);
    std::vector<int32_t> vector(size.width);
    check(sf_leading_pair(random_map(size).data(), size.height, size.width, out.data(), vector.data(),
                          scratch.data(), scratch.size()));
    out.insert(out.end(), vector.begin(), vector.end());
    return bytes_of(out);
}

struct Case {
    std::string name;
    std::function<Bytes()> run;
};

/// The sizes at which a terminal works: what the instruction counts are taken of.
inline std::vector<Case> typical() {
    const Size frame{480, 640}, map{128, 128}, hd{720, 1280}, full_hd{1080, 1920};
    return {
        {"gray_480x640", [=] { return gray(SF_RGB, frame); }},
        {"area_mean_480x640_to_128",
         [=] { return area_mean(SF_RGB, frame, map, SF_FEATURE_GRAY, SF_BLOCKS); }},
        {"area_mean_480x640_to_32",
         [=] { return area_mean(SF_RGB, frame, {32, 32}, SF_FEATURE_GRAY, SF_ROWS); }},
        {"area_mean_720x1280_to_128", [=] { return area_mean(SF_RGB, hd, map, SF_FEATURE_GRAY, SF_BLOCKS); }},
        {"area_mean_1080x1920_to_32",
         [=] { return area_mean(SF_RGB, full_hd, {32, 32}, SF_FEATURE_GRAY, SF_ROWS); }},
        {"area_mean_1080x1920_to_128",
         [=] { return area_mean(SF_RGB, full_hd, map, SF_FEATURE_GRAY, SF_BLOCKS); }},
        {"bernoulli_128x128", [=] { return bernoulli(128 * 128, 0); }},
        {"standardise_128x128", [=] { return standardise(128 * 128); }},
        {"spectrum_128x128", [=] { return spectrum(map); }},
        {"window_cosine_128x128_k7", [=] { return window_cosine(map, 7); }},
        {"channel_cosine_u8_c64", [=] { return channel_cosine_u8(1024, 64); }},
        {"channel_cosine_f32_c3", [=] { return channel_cosine_f32(16384, 3); }},
        {"channel_cosine_f32_c64", [=] { return channel_cosine_f32(1024, 64); }},
        {"block_means_128x128", [=] { return block_means(map, 8); }},
        {"row_sums_128x128", [=] { return row_sums(map); }},
        {"norms_128x128", [=] { return norms(map); }},
        {"rank_64x64", [=] { return rank({64, 64}); }},
        {"leading_pair_64x64", [=] { return leading_pair({64, 64}); }},
    };
}

inline std::string text(Size size) {
    return std::to_string(size.height) + "x" + std::to_string(size.width);
}

/// All kernels over odd sizes, borders and tails.
inline std::vector<Case> all() {
    std::vector<Case> cases = typical();
    const std::vector<Size> sizes = {{1, 1},   {1, 47},  {47, 1},   {7, 9},
                                     {16, 16}, {33, 65}, {130, 97}, {300, 51}};
    for (const Size from : sizes) {
        for (const Size to : {Size{1, 1}, Size{5, 3}, Size{32, 64}, Size{97, 31}}) {
            for (int32_t order = SF_GRAY; order <= SF_XBGR; ++order) {
                const int32_t feature = order % 3;
                const int32_t layout = feature == SF_FEATURE_GRAY && to.height == 32 ? SF_BLOCKS : SF_ROWS;
                cases.push_back({"area_mean_" + text(from) + "_" + text(to) + "_" + std::to_string(order),
                                 [=] { return area_mean(order, from, to, feature, layout); }});
            }
        }
        for (int32_t window = 3; window <= 15; window += 2) {
            cases.push_back({"window_cosine_" + text(from) + "_" + std::to_string(window),
                             [=] { return window_cosine(from, window); }});
        }
        for (const int32_t order : {SF_RGB, SF_BGRX}) {
            cases.push_back(
                {"gray_" + text(from) + "_" + std::to_string(order), [=] { return gray(order, from); }});
        }
        cases.push_back(
            {"bernoulli_" + text(from), [=] { return bernoulli(from.height * from.width, from.width); }});
        cases.push_back({"row_sums_" + text(from), [=] { return row_sums(from); }});
        cases.push_back({"norms_" + text(from), [=] { return norms(from); }});
        cases.push_back({"rank_" + text(from), [=] { return rank(from); }});
        cases.push_back({"leading_pair_" + text(from), [=] { return leading_pair(from); }});
    }
    const std::vector<std::pair<const char*, Bytes>> few = {
        {"zeros", {128}}, {"near_zero", {127, 128, 128, 128, 129}}, {"extremes", {0, 255}}, {"largest", {0}}};
    for (const auto& [name, levels] : few) {
        for (int32_t window = 3; window <= 15; window += 2) {
            cases.push_back({std::string("window_cosine_") + name + "_" + std::to_string(window),
                             [=, levels = levels] { return window_cosine({40, 50}, window, levels); }});
        }
        for (const size_t channels : {1, 3, 17, 1024}) {
            cases.push_back({std::string("channel_cosine_u8_") + name + "_" + std::to_string(channels),
                             [=, levels = levels] { return channel_cosine_u8(61, channels, levels); }});
        }
    }
    for (const size_t channels : {1, 2, 3, 5, 8, 15, 16, 17, 40, 128, 1000}) {
        const std::string name = std::to_string(channels);
        cases.push_back({"channel_cosine_u8_" + name, [=] { return channel_cosine_u8(61, channels); }});
        cases.push_back({"channel_cosine_f32_" + name, [=] { return channel_cosine_f32(61, channels); }});
    }
    for (size_t block = 1; block <= 128; block *= 2) {
        cases.push_back(
            {"block_means_" + std::to_string(block), [=] { return block_means({128, 256}, block); }});
    }
    cases.push_back({"sample_posterior_16385", [] { return sample_posterior(16385, 31); }});
    cases.push_back({"spectrum_64x96", [] { return spectrum({64, 96}); }});
    return cases;
}

}  // namespace cases
