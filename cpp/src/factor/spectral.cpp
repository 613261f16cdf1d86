// Method: rank by Gaussian elimination modulo 65521; leading pair by 32 power steps on M^T M in fixed point.
// Instructions: those of the spectral kernels; dot products of 128 bits in the last step.

#include <algorithm>
#include <bit>

#include "cpu/dispatch.hpp"
#include "factor/spectral_kernels.hpp"
#include "sealframe/factor.hpp"

namespace sealframe::factor {
namespace {

__extension__ using Wide = __int128;

constexpr int power_steps = 32;
constexpr std::int64_t unit = std::int64_t{1} << 20;
constexpr int headroom_bits = 40;

constexpr cpu::Dispatch<SpectralKernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_spectral},
#include "generated/factor/spectral.def"
};

bool fits(std::size_t height, std::size_t width) {
    return height >= 1 && height <= max_map_side && width >= 1 && width <= max_map_side;
}

Status check(const void* map, std::size_t height, std::size_t width, const void* out, const void* scratch) {
    if (map == nullptr || out == nullptr || scratch == nullptr) return Status::null_pointer;
    return fits(height, width) ? Status::ok : Status::map_size;
}

/// The inverse modulo the prime, by Fermat's theorem: x^(p - 2).
std::uint32_t inverse(std::uint32_t x) {
    std::uint32_t result = 1;
    for (std::uint32_t e = prime - 2; e > 0; e >>= 1, x = x * x % prime) {
        if ((e & 1) != 0) result = result * x % prime;
    }
    return result;
}

/// Row echelon form in place; the number of pivots.
std::int32_t eliminate_all(std::uint32_t* rows, std::size_t height, std::size_t width) {
    const SpectralKernels& use = kernels.active();
    std::size_t pivots = 0;
    for (std::size_t column = 0; column < width && pivots < height; ++column) {
        std::size_t found = pivots;
        while (found < height && rows[found * width + column] == 0) ++found;
        if (found == height) continue;
        std::uint32_t* pivot = rows + pivots * width;
        if (found != pivots) std::swap_ranges(pivot, pivot + width, rows + found * width);
        const std::uint32_t scale = inverse(pivot[column]);
        for (std::size_t y = std::max(found, pivots + 1); y < height; ++y) {
            std::uint32_t* row = rows + y * width;
            if (row[column] == 0) continue;
            const std::uint32_t factor = prime - row[column] * scale % prime;
            use.eliminate(row + column, pivot + column, factor, width - column);
        }
        ++pivots;
    }
    return static_cast<std::int32_t>(pivots);
}

std::uint64_t integer_square_root(std::uint64_t v) {
    std::uint64_t root = 0;
    for (std::uint64_t bit = std::uint64_t{1} << 31; bit > 0; bit >>= 1) {
        const std::uint64_t trial = root | bit;
        if (trial * trial <= v) root = trial;
    }
    return root;
}

std::uint64_t magnitude(std::int64_t v) {
    return v < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}

std::uint64_t largest(const std::int64_t* v, std::size_t side) {
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < side; ++i) most = std::max(most, magnitude(v[i]));
    return most;
}

/// Scales w so that its largest magnitude is 2^20; it must not be all zeros.
void normalise(std::int32_t* v, std::int64_t* w, std::size_t side) {
    const int shift = std::max(0, static_cast<int>(std::bit_width(largest(w, side))) - headroom_bits);
    for (std::size_t i = 0; i < side; ++i) w[i] >>= shift;
    const auto most = static_cast<std::int64_t>(largest(w, side));
    for (std::size_t i = 0; i < side; ++i) v[i] = static_cast<std::int32_t>(w[i] * unit / most);
}

std::size_t longest_column(const std::int32_t* gram, std::size_t side) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < side; ++i) {
        if (gram[i * side + i] > gram[best * side + best]) best = i;
    }
    return best;
}

template <typename T>
Wide dot(const std::int32_t* v, const T* w, std::size_t side) {
    Wide sum = 0;
    for (std::size_t i = 0; i < side; ++i) sum += Wide{v[i]} * w[i];
    return sum;
}

void to_unit_length(std::int32_t* vector, const std::int32_t* v, std::size_t side) {
    const auto squared = static_cast<std::uint64_t>(dot(v, v, side));
    const auto length = static_cast<std::int64_t>(integer_square_root(squared << 12));
    std::int32_t peak = 0;
    for (std::size_t i = 0; i < side; ++i) {
        vector[i] = static_cast<std::int32_t>(std::int64_t{v[i]} * (std::int64_t{1} << 36) / length);
        if (magnitude(vector[i]) > magnitude(peak)) peak = vector[i];
    }
    if (peak >= 0) return;
    for (std::size_t i = 0; i < side; ++i) vector[i] = -vector[i];
}

}  // namespace

std::size_t rank_scratch(std::size_t height, std::size_t width) {
    return fits(height, width) ? height * width * sizeof(std::uint32_t) : 0;
}

std::size_t leading_pair_scratch(std::size_t height, std::size_t width) {
    const std::size_t vectors = width * (sizeof(std::int64_t) + sizeof(std::int32_t));
    return fits(height, width) ? vectors + width * width * sizeof(std::int32_t) : 0;
}

Status rank(const std::int8_t* map, std::size_t height, std::size_t width, std::int32_t* out, void* scratch,
            std::size_t scratch_size) {
    if (const Status status = check(map, height, width, out, scratch); status != Status::ok) return status;
    if (scratch_size < rank_scratch(height, width)) return Status::scratch_size;
    auto* rows = static_cast<std::uint32_t*>(scratch);
    for (std::size_t i = 0; i < height * width; ++i) {
        rows[i] = static_cast<std::uint32_t>(map[i] < 0 ? map[i] + static_cast<int>(prime) : map[i]);
    }
    *out = eliminate_all(rows, height, width);
    return Status::ok;
}

Status leading_pair(const std::int8_t* map, std::size_t height, std::size_t width, std::int64_t* value,
                    std::int32_t* vector, void* scratch, std::size_t scratch_size) {
    if (const Status status = check(map, height, width, value, scratch); status != Status::ok) return status;
    if (vector == nullptr) return Status::null_pointer;
    if (scratch_size < leading_pair_scratch(height, width)) return Status::scratch_size;

    const SpectralKernels& use = kernels.active();
    auto* image = static_cast<std::int64_t*>(scratch);
    auto* v = reinterpret_cast<std::int32_t*>(image + width);
    std::int32_t* gram = v + width;
    use.gram(gram, map, height, width);

    const std::int32_t* start = gram + longest_column(gram, width) * width;
    std::copy(start, start + width, image);
    if (largest(image, width) == 0) {
        *value = 0;
        std::fill(vector, vector + width, 0);
        return Status::ok;
    }
    normalise(v, image, width);
    for (int step = 0; step < power_steps; ++step) {
        use.multiply(image, gram, v, width);
        normalise(v, image, width);
    }
    use.multiply(image, gram, v, width);
    *value = static_cast<std::int64_t>(dot(v, image, width) * 256 / dot(v, v, width));
    to_unit_length(vector, v, width);
    return Status::ok;
}

}  // namespace sealframe::factor
