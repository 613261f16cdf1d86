// Method: sums of products over the rows of a window, column by column, slide down the picture.
// Instructions: those of the similarity kernels.

#include "sealframe/similarity.hpp"

#include <cstring>

#include "cpu/dispatch.hpp"
#include "similarity/similarity_kernels.hpp"

namespace sealframe::similarity {
namespace {

constexpr cpu::Dispatch<Kernels> kernels = {
#define SEALFRAME_KERNELS(isa) {cpu::Isa::isa, &isa##_similarity},
#include "generated/similarity/similarity.def"
};

constexpr std::size_t max_side = 65535;

/// A row of values 128, which count as zeros: what lies above and below the picture.
std::size_t blank_bytes(std::size_t width) {
    return (width + 7) / 8 * 8;
}

std::size_t scratch_bytes(std::size_t width) {
    return 3 * sums_length(width) * sizeof(std::int32_t) + blank_bytes(width);
}

Status check(std::size_t height, std::size_t width, int window) {
    if (height < 1 || height > max_side || width < 1 || width > max_side) return Status::image_size;
    return window < min_window || window > max_window || window % 2 == 0 ? Status::window : Status::ok;
}

}  // namespace

std::size_t window_cosine_scratch(std::size_t height, std::size_t width, int window) {
    return check(height, width, window) == Status::ok ? scratch_bytes(width) : 0;
}

Status window_cosine(const std::uint8_t* a, const std::uint8_t* b, std::size_t height, std::size_t width,
                     int window, std::int8_t* out, void* scratch, std::size_t scratch_size) {
    if (const Status status = check(height, width, window); status != Status::ok) return status;
    if (a == nullptr || b == nullptr || out == nullptr || scratch == nullptr) return Status::null_pointer;
    if (scratch_size < scratch_bytes(width)) return Status::scratch_size;

    auto* memory = static_cast<std::int32_t*>(scratch);
    const std::size_t length = sums_length(width);
    std::memset(memory, 0, 3 * length * sizeof *memory);
    const ColumnSums sums{memory, memory + length, memory + 2 * length, width};
    auto* blank = reinterpret_cast<std::uint8_t*>(memory + 3 * length);
    std::memset(blank, 128, blank_bytes(width));

    const Kernels& use = kernels.active();
    const std::size_t radius = static_cast<std::size_t>(window) / 2;
    // Window row y covers the picture's rows y - radius .. y + radius; rows outside of it are blank.
    for (std::size_t entering = 0; entering < height + radius; ++entering) {
        const bool enters = entering < height;
        const bool leaves = entering > 2 * radius;
        const std::size_t leaving = entering - 2 * radius - 1;
        use.slide(sums, enters ? a + entering * width : blank, enters ? b + entering * width : blank,
                  leaves ? a + leaving * width : blank, leaves ? b + leaving * width : blank);
        if (entering >= radius) use.cosines(out + (entering - radius) * width, sums, window);
    }
    return Status::ok;
}

}  // namespace sealframe::similarity
