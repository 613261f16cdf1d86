// Method: DCT-II of 32x32 tiles: twice a product with a matrix of rounded cosines, columns, then rows.
// Instructions: those of the spectrum kernels.

#include "sealframe/spectrum.hpp"

#include <array>

#include "cpu/dispatch.hpp"
#include "features/spectrum_kernels.hpp"

namespace sealframe::features {
namespace {

constexpr cpu::Dispatch<SpectrumKernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_spectrum},
#include "generated/features/spectrum.def"
};

/// round(8192 cos(pi j / 64)), j = 0 .. 32; 8192 = 2^15 sqrt(2 / 32).
constexpr std::int16_t cosines[33] = {8192, 8182, 8153, 8103, 8035, 7946, 7839, 7713, 7568, 7405, 7225,
                                      7027, 6811, 6580, 6333, 6070, 5793, 5501, 5197, 4880, 4551, 4212,
                                      3862, 3503, 3135, 2760, 2378, 1990, 1598, 1202, 803,  402,  0};
constexpr std::int16_t constant = 5793;  // round(2^15 sqrt(1 / 32))

constexpr std::int16_t cosine(int j) {
    j %= 128;
    if (j > 64) j = 128 - j;
    return j <= 32 ? cosines[j] : static_cast<std::int16_t>(-cosines[64 - j]);
}

using Matrix = std::array<std::int16_t, dct_side * dct_side>;

constexpr Matrix dct_matrix() {
    Matrix matrix{};
    for (int k = 0; k < dct_side; ++k) {
        for (int n = 0; n < dct_side; ++n) {
            matrix[static_cast<std::size_t>(k * dct_side + n)] = k == 0 ? constant : cosine((2 * n + 1) * k);
        }
    }
    return matrix;
}

constexpr Matrix dct = dct_matrix();
constexpr std::size_t side = dct_side;
constexpr std::size_t max_side = 4096;

constexpr Matrix transposed(const Matrix& in) {
    Matrix out{};
    for (std::size_t y = 0; y < side; ++y) {
        for (std::size_t x = 0; x < side; ++x) out[x * side + y] = in[y * side + x];
    }
    return out;
}

constexpr Matrix dct_transposed = transposed(dct);

void centre(const std::uint8_t* rows, std::size_t stride, Matrix& tile) {
    for (std::size_t y = 0; y < side; ++y) {
        for (std::size_t x = 0; x < side; ++x) {
            tile[y * side + x] = static_cast<std::int16_t>(rows[y * stride + x] - 128);
        }
    }
}

}  // namespace

Status spectrum(const std::uint8_t* rows, std::size_t height, std::size_t width, std::int16_t* out) {
    if (rows == nullptr || out == nullptr) return Status::null_pointer;
    if (height < 1 || height > max_side || width < 1 || width > max_side) return Status::output_size;
    if (height % side != 0 || width % side != 0) return Status::block_layout;
    const SpectrumKernels& use = kernels.active();
    Matrix tile, columns;
    for (std::size_t top = 0; top < height; top += side) {
        for (std::size_t left = 0; left < width; left += side, out += side * side) {
            centre(rows + top * width + left, width, tile);
            use.multiply(columns.data(), dct.data(), tile.data(), 12);
            use.multiply(out, columns.data(), dct_transposed.data(), 15);
        }
    }
    return Status::ok;
}

}  // namespace sealframe::features
