// Method: reads the caller's structs, checks what C cannot promise, forwards to a stage, returns its status.
// Instructions: none of its own; the stages' kernels do the work.

#include <cstdint>

#include "sealframe/cpu.hpp"
#include "sealframe/derivation.hpp"
#include "sealframe/factor.hpp"
#include "sealframe/features.hpp"
#include "sealframe/image.hpp"
#include "sealframe/sampling.hpp"
#include "sealframe/sealframe.h"
#include "sealframe/similarity.hpp"
#include "sealframe/spectrum.hpp"

namespace {

namespace sf = sealframe;
using sf::Status;

static_assert(static_cast<int>(Status::struct_size) == SF_STRUCT_SIZE,
              "statuses and their C names run in parallel");
static_assert(static_cast<int>(Status::isa) == SF_ISA);
static_assert(static_cast<int>(sf::image::Order::xbgr) == SF_XBGR);
static_assert(static_cast<int>(sf::features::Feature::standardised) == SF_FEATURE_STANDARDISED);
static_assert(static_cast<int>(sf::features::Layout::blocks) == SF_BLOCKS);

std::int32_t code(Status status) {
    return static_cast<std::int32_t>(status);
}

/// The struct that a pointer of the caller leads to, in the core's terms.
Status read(const sf_image* image, sf::image::View& view) {
    if (image == nullptr) return Status::null_pointer;
    if (image->struct_size != sizeof *image) return Status::struct_size;
    view = {image->data,       image->height,       image->width,
            image->row_stride, image->pixel_stride, sf::image::Order{image->order}};
    return Status::ok;
}

Status read(const sf_area_mean_request* request, sf::features::Request& to) {
    if (request == nullptr) return Status::null_pointer;
    if (request->struct_size != sizeof *request) return Status::struct_size;
    to = {request->height, request->width, sf::features::Feature{request->feature},
          sf::features::Layout{request->layout}, request->threshold};
    return Status::ok;
}

bool aligned(const void* scratch) {
    return reinterpret_cast<std::uintptr_t>(scratch) % 8 == 0;
}

std::int32_t answer_size(std::size_t bytes, Status refusal, std::size_t* out) {
    if (out == nullptr) return SF_NULL_POINTER;
    if (bytes == 0) return code(refusal);
    *out = bytes;
    return SF_OK;
}

/// A status in the name of `count` elements that a caller could never hold.
Status check_count(std::size_t count) {
    return count > PTRDIFF_MAX / 8 ? Status::image_size : Status::ok;
}

}  // namespace

std::uint32_t sf_abi_version() {
    return SF_ABI_VERSION;
}

const char* sf_version() {
    return SEALFRAME_VERSION;
}

const char* sf_status_text(std::int32_t status) {
    return sf::describe(Status{status});
}

const char* sf_isa() {
    return sf::cpu::active();
}

const char* sf_usable_isa(std::uint32_t i) {
    return sf::cpu::usable(i);
}

std::int32_t sf_set_isa(const char* name) {
    return name == nullptr ? SF_NULL_POINTER : code(sf::cpu::select(name));
}

std::int32_t sf_set_isa_from_environment() {
    return code(sf::cpu::select_from_environment());
}

std::int32_t sf_gray(const sf_image* image, std::uint8_t* out) {
    sf::image::View view{};
    if (const Status status = read(image, view); status != Status::ok) return code(status);
    return code(sf::image::gray(view, out));
}

std::int32_t sf_area_mean_scratch(const sf_image* image, const sf_area_mean_request* request,
                                  std::size_t* scratch_bytes) {
    sf::image::View view{};
    sf::features::Request wanted{};
    if (const Status status = read(image, view); status != Status::ok) return code(status);
    if (const Status status = read(request, wanted); status != Status::ok) return code(status);
    const std::size_t bytes = sf::features::area_mean_scratch(view, wanted);
    const Status refusal =
        bytes > 0 ? Status::ok : sf::features::area_mean(view, wanted, nullptr, nullptr, 0);
    return answer_size(bytes, refusal, scratch_bytes);
}

std::int32_t sf_area_mean(const sf_image* image, const sf_area_mean_request* request, void* out,
                          void* scratch, std::size_t scratch_bytes) {
    sf::image::View view{};
    sf::features::Request wanted{};
    if (const Status status = read(image, view); status != Status::ok) return code(status);
    if (const Status status = read(request, wanted); status != Status::ok) return code(status);
    if (!aligned(scratch)) return SF_SCRATCH;
    return code(sf::features::area_mean(view, wanted, out, scratch, scratch_bytes));
}

std::int32_t sf_block(const std::uint8_t* rows, std::size_t height, std::size_t width, std::uint8_t* tiles) {
    return code(sf::features::block(rows, height, width, tiles));
}

std::int32_t sf_unblock(const std::uint8_t* tiles, std::size_t height, std::size_t width,
                        std::uint8_t* rows) {
    return code(sf::features::unblock(tiles, height, width, rows));
}

std::int32_t sf_binarise(const std::uint8_t* gray, std::size_t count, std::int32_t threshold,
                         std::uint8_t* out) {
    if (const Status status = check_count(count); status != Status::ok) return code(status);
    return code(sf::features::binarise(gray, count, threshold, out));
}

std::int32_t sf_standardise(const std::uint8_t* gray, std::size_t count, float* out) {
    if (const Status status = check_count(count); status != Status::ok) return code(status);
    return code(sf::features::standardise(gray, count, out));
}

std::int32_t sf_random_words(const std::uint8_t seed[32], std::uint64_t first, std::size_t count,
                             std::uint16_t* out) {
    if (const Status status = check_count(count); status != Status::ok) return code(status);
    return code(sf::features::random_words(seed, first, count, out));
}

std::int32_t sf_bernoulli(const std::uint8_t* gray, std::size_t count, const std::uint8_t seed[32],
                          std::uint64_t first, std::uint8_t* out) {
    if (const Status status = check_count(count); status != Status::ok) return code(status);
    return code(sf::features::bernoulli(gray, count, seed, first, out));
}

std::int32_t sf_spectrum(const std::uint8_t* rows, std::size_t height, std::size_t width, std::int16_t* out) {
    return code(sf::features::spectrum(rows, height, width, out));
}

std::int32_t sf_sample_posterior(const std::uint8_t* mean, const std::uint8_t* log_variance,
                                 std::size_t count, const std::uint8_t seed[32], std::uint64_t first,
                                 std::uint8_t* out) {
    if (const Status status = check_count(count); status != Status::ok) return code(status);
    return code(sf::derivation::sample_posterior(mean, log_variance, count, seed, first, out));
}

std::int32_t sf_window_cosine_scratch(std::size_t height, std::size_t width, std::int32_t window,
                                      std::size_t* scratch_bytes) {
    const std::size_t bytes = sf::similarity::window_cosine_scratch(height, width, window);
    const Status refusal = bytes > 0 ? Status::ok
                                     : sf::similarity::window_cosine(nullptr, nullptr, height, width, window,
                                                                     nullptr, nullptr, 0);
    return answer_size(bytes, refusal, scratch_bytes);
}

std::int32_t sf_window_cosine(const std::uint8_t* a, const std::uint8_t* b, std::size_t height,
                              std::size_t width, std::int32_t window, std::int8_t* out, void* scratch,
                              std::size_t scratch_bytes) {
    if (!aligned(scratch)) return SF_SCRATCH;
    return code(sf::similarity::window_cosine(a, b, height, width, window, out, scratch, scratch_bytes));
}

std::int32_t sf_channel_cosine_u8(const std::uint8_t* a, const std::uint8_t* b, std::size_t pixels,
                                  std::size_t channels, std::int32_t zero, std::int8_t* out) {
    return code(sf::similarity::channel_cosine(a, b, pixels, channels, zero, out));
}

std::int32_t sf_channel_cosine_f32(const float* a, const float* b, std::size_t pixels, std::size_t channels,
                                   float* out) {
    return code(sf::similarity::channel_cosine(a, b, pixels, channels, out));
}

std::int32_t sf_block_means(const std::uint8_t* image, std::size_t height, std::size_t width,
                            std::size_t size, std::uint8_t* out) {
    return code(sf::factor::block_means(image, height, width, size, out));
}

std::int32_t sf_row_sums(const std::int8_t* map, std::size_t height, std::size_t width, std::int32_t* out) {
    return code(sf::factor::row_sums(map, height, width, out));
}

std::int32_t sf_norms(const std::int8_t* map, std::size_t height, std::size_t width, std::int64_t out[3]) {
    return code(sf::factor::norms(map, height, width, out));
}

std::int32_t sf_rank_scratch(std::size_t height, std::size_t width, std::size_t* scratch_bytes) {
    return answer_size(sf::factor::rank_scratch(height, width), Status::map_size, scratch_bytes);
}

std::int32_t sf_rank(const std::int8_t* map, std::size_t height, std::size_t width, std::int32_t* out,
                     void* scratch, std::size_t scratch_bytes) {
    if (!aligned(scratch)) return SF_SCRATCH;
    return code(sf::factor::rank(map, height, width, out, scratch, scratch_bytes));
}

std::int32_t sf_leading_pair_scratch(std::size_t height, std::size_t width, std::size_t* scratch_bytes) {
    return answer_size(sf::factor::leading_pair_scratch(height, width), Status::map_size, scratch_bytes);
}

std::int32_t sf_leading_pair(const std::int8_t* map, std::size_t height, std::size_t width,
                             std::int64_t* value, std::int32_t* vector, void* scratch,
                             std::size_t scratch_bytes) {
    if (!aligned(scratch)) return SF_SCRATCH;
    return code(sf::factor::leading_pair(map, height, width, value, vector, scratch, scratch_bytes));
}
