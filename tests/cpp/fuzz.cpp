// One target for each function of the C interface that takes arguments. It feeds arbitrary ones and runs what
// is accepted on every instruction set of this CPU; it aborts when two of them differ, or when a refusal
// wrote anything.
//
//   fuzz                     lists the targets
//   fuzz RUNS [SEED]         random inputs for all targets in turn
//
// Built with SEALFRAME_LIBFUZZER it is libFuzzer's, for the one target that SEALFRAME_FUZZ_TARGET names: see
// fuzz.py.

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
    /// True once in so many times; not for an input that ran out.
    bool once_in(uint8_t times) { return byte() % times == times - 1; }

    uint64_t word() {
        uint64_t any = 0;
        for (size_t i = 0; i < sizeof any; ++i) any = any << 8 | byte();
        return any;
    }
    /// Mostly a size that works, sometimes any number at all.
    size_t side() { return once_in(32) ? word() : byte() % 80u; }
    /// Mostly from least - 1 to most + 1, sometimes any number at all.
    int32_t number(int32_t least, int32_t most) {
        if (once_in(32)) return static_cast<int32_t>(word());
        return least - 1 + static_cast<int32_t>(byte() % static_cast<uint32_t>(most - least + 3));
    }
    /// Some bytes of the input over and over, so that enough of it is left for what comes after.
    Bytes fill(size_t count) {
        Bytes bytes(count);
        const size_t period = size_t{1} + byte() % 64u;
        size_t filled = std::min({count, size_, period});
        std::copy_n(data_, filled, bytes.begin());
        data_ += filled;
        size_ -= filled;
        for (; filled > 0 && filled < count; filled *= 2) {
            memcpy(bytes.data() + filled, bytes.data(), std::min(filled, count - filled));
        }
        return bytes;
    }
    template <typename T>
    T* mostly(T* pointer) {
        return once_in(64) ? nullptr : pointer;
    }

  private:
    const uint8_t* data_;
    size_t size_;
};

constexpr size_t most = 1 << 14;

/// Whether an array of this shape is small enough to be made here.
bool small(size_t a, size_t b, size_t c = 1) {
    return a <= most && b <= most && c <= most && a * b <= most && a * b * c <= most;
}

/// Whether a call may be made: its arrays were made, or its sizes are beyond what the interface accepts.
bool callable(size_t height, size_t width, size_t limit) {
    return small(height, width, sizeof(double)) || height > limit || width > limit;
}

size_t elements(size_t height, size_t width) {
    return small(height, width, sizeof(double)) ? height * width : 0;
}

/// Memory of the size that was asked for, sometimes too small or not aligned.
class Scratch {
  public:
    Scratch(Input& in, size_t bytes) : memory_(bytes + 8), bytes_(bytes) {
        if (in.once_in(32)) bytes_ -= std::min<size_t>(bytes_, in.byte());
        shift_ = in.once_in(32) ? in.byte() % 8 : 0;
        gone_ = in.once_in(64);
    }
    void* data() const { return gone_ ? nullptr : static_cast<uint8_t*>(memory_.data()) + shift_; }
    size_t size() const { return bytes_; }

  private:
    cases::Scratch memory_;
    size_t bytes_, shift_ = 0;
    bool gone_ = false;
};

void require(bool holds) {
    if (!holds) abort();
}

int32_t described(int32_t status) {
    require(status >= SF_OK && status <= SF_STRUCT_SIZE && *sf_status_text(status) != '\0');
    return status;
}

/// Runs call(out) on each instruction set. All must agree in status and every byte, and refusals leave the
/// output.
template <typename T, typename Call>
void compare(Input& in, size_t count, const Call& call, bool refusals_may_write = false) {
    const bool gone = in.once_in(64);
    const Bytes untouched(count * sizeof(T), 0xa5);
    Bytes first;
    int32_t first_status = SF_OK;
    for (uint32_t i = 0; sf_usable_isa(i) != nullptr; ++i) {
        cases::check(sf_set_isa(sf_usable_isa(i)));
        Bytes out = untouched;
        const int32_t status = described(call(gone ? nullptr : reinterpret_cast<T*>(out.data())));
        require(status == SF_OK || refusals_may_write || out == untouched);
        require(i == 0 || status == first_status);
        require(i == 0 || status != SF_OK || out == first);
        if (i == 0) first = std::move(out);
        first_status = status;
    }
}

/// A picture of any order and strides; strides that are accepted lead to memory that exists.
class Picture {
  public:
    explicit Picture(Input& in) {
        const int32_t order = in.number(SF_GRAY, SF_XBGR);
        const size_t channels = order == SF_GRAY ? 1 : order == SF_RGB || order == SF_BGR ? 3 : 4;
        const size_t height = in.side(), width = in.side(), pixel = channels + in.byte() % 2;
        const bool made = small(height, width, pixel + 1);
        usable_ = made || height > 65535 || width > 65535;
        const size_t row = made ? width * pixel + in.byte() % 3 : 0;
        pixels_ = in.fill(made ? height * row + pixel : 0);
        const bool up = made && height > 0 && in.once_in(2), left = made && width > 0 && in.once_in(2);
        const size_t first = (up ? (height - 1) * row : 0) + (left ? (width - 1) * pixel : 0);
        const auto row_stride = static_cast<ptrdiff_t>(row), pixel_stride = static_cast<ptrdiff_t>(pixel);
        image_ = {in.once_in(64) ? in.byte() : static_cast<uint32_t>(sizeof(sf_image)),
                  order,
                  in.mostly(pixels_.data() + first),
                  height,
                  width,
                  up ? -row_stride : row_stride,
                  left ? -pixel_stride : pixel_stride};
        constexpr ptrdiff_t limit = ptrdiff_t{1} << 40;
        constexpr ptrdiff_t too_far[] = {limit + 1, -limit - 1, PTRDIFF_MAX, PTRDIFF_MIN};
        if (in.once_in(64)) image_.row_stride = too_far[in.byte() % 4];
        if (in.once_in(64)) image_.pixel_stride = width > 1 && in.once_in(2) ? 0 : too_far[in.byte() % 4];
    }
    bool usable() const { return usable_; }
    size_t size() const {
        return usable_ && image_.height <= most ? elements(image_.height, image_.width) : 0;
    }
    const sf_image* get(Input& in) const { return in.mostly(&image_); }

  private:
    Bytes pixels_;
    sf_image image_{};
    bool usable_ = false;
};

sf_area_mean_request any_request(Input& in) {
    sf_area_mean_request request = {
        in.once_in(64) ? in.byte() : static_cast<uint32_t>(sizeof(sf_area_mean_request)),
        in.number(SF_FEATURE_GRAY, SF_FEATURE_STANDARDISED),
        in.number(SF_ROWS, SF_BLOCKS),
        in.number(0, 255),
        in.side(),
        in.side()};
    if (in.once_in(4)) request.height = request.width = 32;
    return request;
}

void status_text(Input& in) {
    require(*sf_status_text(static_cast<int32_t>(in.word())) != '\0');
    require(sf_abi_version() == SF_ABI_VERSION && *sf_version() != '\0');
}

void set_isa(Input& in) {
    Bytes name = in.fill(in.byte() % 12);
    name.push_back(0);
    const auto* text = reinterpret_cast<const char*>(name.data());
    if (described(sf_set_isa(in.mostly(text))) == SF_OK) require(strcmp(sf_isa(), text) == 0);
}

void set_isa_from_environment(Input& in) {
    Bytes name = in.fill(in.byte() % 12);
    name.push_back(0);
    const auto* text = reinterpret_cast<const char*>(name.data());
    setenv("SEALFRAME_ISA", text, 1);
    if (described(sf_set_isa_from_environment()) == SF_OK)
        require(*text == '\0' || strcmp(sf_isa(), text) == 0);
    unsetenv("SEALFRAME_ISA");
}

void usable_isa(Input& in) {
    uint32_t count = 0;
    while (sf_usable_isa(count) != nullptr) ++count;
    const uint32_t word = static_cast<uint32_t>(in.word()), i = in.once_in(2) ? word : word % 8;
    require((sf_usable_isa(i) != nullptr) == (i < count));
}

void gray(Input& in) {
    const Picture picture(in);
    if (!picture.usable()) return;
    const sf_image* image = picture.get(in);
    compare<uint8_t>(in, picture.size(), [&](uint8_t* out) { return sf_gray(image, out); });
}

void area_mean_scratch(Input& in) {
    const Picture picture(in);
    const sf_area_mean_request request = any_request(in);
    const sf_image* image = picture.get(in);
    const sf_area_mean_request* wanted = in.mostly(&request);
    compare<size_t>(in, 1, [&](size_t* out) { return sf_area_mean_scratch(image, wanted, out); });
}

void area_mean(Input& in) {
    const Picture picture(in);
    const sf_area_mean_request request = any_request(in);
    if (!picture.usable() || !callable(request.height, request.width, 4096)) return;
    const sf_image* image = picture.get(in);
    const sf_area_mean_request* wanted = in.mostly(&request);
    size_t bytes = 0;
    described(sf_area_mean_scratch(image, wanted, &bytes));
    const Scratch scratch(in, bytes);
    const size_t size = request.feature == SF_FEATURE_STANDARDISED ? sizeof(float) : 1;
    compare<uint8_t>(in, elements(request.height, request.width) * size, [&](void* out) {
        return sf_area_mean(image, wanted, out, scratch.data(), scratch.size());
    });
}

/// Sides in whole tiles or nearly so.
size_t tiled(Input& in) {
    return in.once_in(16) ? in.side() : in.byte() % 4 * 32u;
}

template <typename T, typename Call>
void on_tiles(Input& in, const Call& call) {
    const size_t height = tiled(in), width = tiled(in);
    if (!callable(height, width, 4096)) return;
    const Bytes rows = in.fill(elements(height, width));
    const uint8_t* from = in.mostly(rows.data());
    compare<T>(in, rows.size(), [&](T* out) { return call(from, height, width, out); });
}

void block(Input& in) {
    on_tiles<uint8_t>(in, sf_block);
}

void unblock(Input& in) {
    on_tiles<uint8_t>(in, sf_unblock);
}

void spectrum(Input& in) {
    on_tiles<int16_t>(in, sf_spectrum);
}

/// A count that is small, or one that nobody could hold.
size_t any_count(Input& in) {
    if (in.once_in(64)) return PTRDIFF_MAX / 8 + 1 + in.word() / 2;
    return in.byte() * size_t{in.byte() % 8u} + in.byte() % 32;
}

size_t held(size_t count) {
    return count <= most ? count : 0;
}

template <typename T, typename Call>
void on_levels(Input& in, const Call& call) {
    const size_t count = any_count(in);
    const Bytes levels = in.fill(held(count));
    const uint8_t* from = in.mostly(levels.data());
    compare<T>(in, levels.size(), [&](T* out) { return call(from, count, out); });
}

void binarise(Input& in) {
    const int32_t threshold = in.number(0, 255);
    on_levels<uint8_t>(in, [&](const uint8_t* gray, size_t count, uint8_t* out) {
        return sf_binarise(gray, count, threshold, out);
    });
}

void standardise(Input& in) {
    on_levels<float>(in, sf_standardise);
}

/// A seed and a place in its stream, near the start, around 2^37 (where the block counter needs 64 bits) or
/// the end.
struct Stream {
    Bytes key;
    const uint8_t* seed;
    uint64_t first;

    explicit Stream(Input& in) : key(in.fill(32)), seed(in.mostly(key.data())), first(in.word() % 4096) {
        const uint8_t where = in.byte() % 4;
        if (where == 1) first += (uint64_t{1} << 37) - 2048;
        if (where == 2) first += (uint64_t{1} << 62) - 4096;
        if (where == 3) first = in.word();
    }
};

void random_words(Input& in) {
    const Stream stream(in);
    const size_t count = any_count(in);
    compare<uint16_t>(in, held(count),
                      [&](uint16_t* out) { return sf_random_words(stream.seed, stream.first, count, out); });
}

void bernoulli(Input& in) {
    const Stream stream(in);
    on_levels<uint8_t>(in, [&](const uint8_t* gray, size_t count, uint8_t* out) {
        return sf_bernoulli(gray, count, stream.seed, stream.first, out);
    });
}

void sample_posterior(Input& in) {
    const Stream stream(in);
    const size_t count = any_count(in);
    const Bytes mean = in.fill(held(count)), log_variance = in.fill(held(count));
    const uint8_t *means = in.mostly(mean.data()), *variances = in.mostly(log_variance.data());
    compare<uint8_t>(in, held(count), [&](uint8_t* out) {
        return sf_sample_posterior(means, variances, count, stream.seed, stream.first, out);
    });
}

void window_cosine_scratch(Input& in) {
    const size_t height = in.side(), width = in.side();
    const int32_t window = in.number(3, 15);
    compare<size_t>(in, 1, [&](size_t* out) { return sf_window_cosine_scratch(height, width, window, out); });
}

void window_cosine(Input& in) {
    const size_t height = in.side(), width = in.side();
    const int32_t window = in.number(3, 15);
    if (!callable(height, width, 65535)) return;
    const Bytes one = in.fill(elements(height, width)), other = in.fill(elements(height, width));
    const uint8_t *a = in.mostly(one.data()), *b = in.mostly(other.data());
    size_t bytes = 0;
    described(sf_window_cosine_scratch(height, width, window, &bytes));
    const Scratch scratch(in, bytes);
    compare<int8_t>(in, one.size(), [&](int8_t* out) {
        return sf_window_cosine(a, b, height, width, window, out, scratch.data(), scratch.size());
    });
}

/// Two maps (pixels, channels) of T, sometimes of one channel too many.
template <typename T, typename Call>
void on_channels(Input& in, const Call& call, bool refusals_may_write) {
    const size_t pixels = in.once_in(64) ? (size_t{1} << 32) + 1 + in.word() / 2 : in.byte() % 40u;
    const size_t channels = in.once_in(16) ? 1020 + in.byte() % 8u : in.side();
    const bool made = small(pixels, channels, sizeof(T));
    if (!made && pixels <= size_t{1} << 32 && channels <= 1024) return;
    const size_t count = made ? pixels * channels : 0;
    const Bytes one = in.fill(count * sizeof(T)), other = in.fill(count * sizeof(T));
    const T *a = in.mostly(reinterpret_cast<const T*>(one.data())),
            *b = reinterpret_cast<const T*>(other.data());
    const auto run = [&](auto* out) { return call(a, b, pixels, channels, out); };
    using Cosine = std::conditional_t<std::is_same_v<T, float>, float, int8_t>;
    compare<Cosine>(in, held(pixels), run, refusals_may_write);
}

void channel_cosine_u8(Input& in) {
    const int32_t zero = in.number(0, 255);
    const auto call = [&](const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels, int8_t* out) {
        return sf_channel_cosine_u8(a, b, pixels, channels, zero, out);
    };
    on_channels<uint8_t>(in, call, false);
}

void channel_cosine_f32(Input& in) {
    on_channels<float>(in, sf_channel_cosine_f32, true);
}

void block_means(Input& in) {
    const size_t height = tiled(in), width = tiled(in);
    const size_t size = in.once_in(8) ? in.side() : size_t{1} << in.byte() % 9;
    if (!callable(height, width, 65535)) return;
    const Bytes rows = in.fill(elements(height, width));
    const uint8_t* from = in.mostly(rows.data());
    const size_t blocks = size == 0 ? 0 : elements(height, width) / size / size;
    compare<uint8_t>(in, blocks,
                     [&](uint8_t* out) { return sf_block_means(from, height, width, size, out); });
}

/// A map and what is to be made of it.
template <typename T, typename Call>
void on_map(Input& in, size_t limit, size_t (*count)(size_t height, size_t width), const Call& call) {
    const size_t height = in.side(), width = in.side();
    if (!callable(height, width, limit)) return;
    const Bytes values = in.fill(elements(height, width));
    const auto* map = in.mostly(reinterpret_cast<const int8_t*>(values.data()));
    compare<T>(in, count(height, width), [&](T* out) { return call(map, height, width, out); });
}

size_t sides(size_t height, size_t) {
    return held(height);
}

size_t three(size_t, size_t) {
    return 3;
}

size_t one(size_t, size_t) {
    return 1;
}

void row_sums(Input& in) {
    on_map<int32_t>(in, 65535, sides, sf_row_sums);
}

void norms(Input& in) {
    on_map<int64_t>(in, 65535, three, sf_norms);
}

void rank_scratch(Input& in) {
    const size_t height = in.side(), width = in.side();
    compare<size_t>(in, 1, [&](size_t* out) { return sf_rank_scratch(height, width, out); });
}

void rank(Input& in) {
    on_map<int32_t>(in, 1024, one, [&](const int8_t* map, size_t height, size_t width, int32_t* out) {
        size_t bytes = 0;
        described(sf_rank_scratch(height, width, &bytes));
        const cases::Scratch scratch(bytes);
        return sf_rank(map, height, width, out, scratch.data(), scratch.size());
    });
}

void leading_pair_scratch(Input& in) {
    const size_t height = in.side(), width = in.side();
    compare<size_t>(in, 1, [&](size_t* out) { return sf_leading_pair_scratch(height, width, out); });
}

void leading_pair(Input& in) {
    const size_t height = in.side(), width = in.side();
    if (!callable(height, width, 1024)) return;
    const Bytes values = in.fill(elements(height, width));
    const auto* map = in.mostly(reinterpret_cast<const int8_t*>(values.data()));
    size_t bytes = 0;
    described(sf_leading_pair_scratch(height, width, &bytes));
    const Scratch scratch(in, bytes);
    const bool no_value = in.once_in(64);
    // The vector, and before it the value.
    compare<int32_t>(in, held(width) + 2, [&](int32_t* out) {
        int64_t value = 0;
        memcpy(&value, out == nullptr ? reinterpret_cast<const int32_t*>(&value) : out, sizeof value);
        const int32_t status =
            sf_leading_pair(map, height, width, no_value ? nullptr : &value,
                            out == nullptr ? nullptr : out + 2, scratch.data(), scratch.size());
        if (out != nullptr) memcpy(out, &value, sizeof value);
        return status;
    });
}

struct Target {
    const char* name;
    void (*run)(Input& in);
};

#define TARGET(name)      \
    Target {              \
        "sf_" #name, name \
    }
constexpr Target targets[] = {
    TARGET(status_text),
    TARGET(usable_isa),
    TARGET(set_isa),
    TARGET(set_isa_from_environment),
    TARGET(gray),
    TARGET(area_mean_scratch),
    TARGET(area_mean),
    TARGET(block),
    TARGET(unblock),
    TARGET(binarise),
    TARGET(standardise),
    TARGET(random_words),
    TARGET(bernoulli),
    TARGET(spectrum),
    TARGET(sample_posterior),
    TARGET(window_cosine_scratch),
    TARGET(window_cosine),
    TARGET(channel_cosine_u8),
    TARGET(channel_cosine_f32),
    TARGET(block_means),
    TARGET(row_sums),
    TARGET(norms),
    TARGET(rank_scratch),
    TARGET(rank),
    TARGET(leading_pair_scratch),
    TARGET(leading_pair),
};

void run(const Target& target, const uint8_t* data, size_t size) {
    Input in(data, size);
    target.run(in);
}

}  // namespace

#ifdef SEALFRAME_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Target& target = [] {
        const char* wanted = getenv("SEALFRAME_FUZZ_TARGET");
        for (const Target& one : targets) {
            if (wanted != nullptr && strcmp(one.name, wanted) == 0) return one;
        }
        fprintf(stderr, "SEALFRAME_FUZZ_TARGET names no target.\n");
        exit(2);
    }();
    run(target, data, size);
    return 0;
}

#else

int main(int argc, char** argv) {
    if (argc < 2) {
        for (const Target& target : targets) puts(target.name);
        return 0;
    }
    const uint64_t runs = strtoull(argv[1], nullptr, 10);
    const uint64_t seed = argc > 2 ? strtoull(argv[2], nullptr, 10) : 1;
    for (uint64_t i = 0; i < runs; ++i) {
        const Bytes input = cases::random_bytes(16 + i % 600, seed + i * 1000003);
        run(targets[i % std::size(targets)], input.data(), input.size());
    }
    printf("%llu runs, no difference\n", static_cast<unsigned long long>(runs));
    return 0;
}

#endif
