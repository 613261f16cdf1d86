// Method: one switch from a status to its sentence.
// Instructions: none that matter; it runs where something has failed.

#include "sealframe/status.hpp"

namespace sealframe {

const char* describe(Status status) {
    switch (status) {
        case Status::ok:
            return "Done.";
        case Status::null_pointer:
            return "A pointer that must be given is null.";
        case Status::image_size:
            return "Each side of the image must lie between 1 and 65535.";
        case Status::image_stride:
            return "The strides of the image do not fit its width and channels.";
        case Status::channel_order:
            return "The channel order must be gray, rgb, bgr, rgba or bgra, and fit the number of channels.";
        case Status::output_size:
            return "Each side of the output, or of what is cut into tiles, must lie between 1 and 4096.";
        case Status::block_layout:
            return "Tiles and the block layout are for gray images whose sides are multiples of 32.";
        case Status::feature:
            return "The feature must be gray, binary or standardised.";
        case Status::threshold:
            return "The threshold, or the level that counts as zero, must lie between 0 and 255.";
        case Status::window:
            return "The window must be odd and lie between 3 and 15.";
        case Status::block_size:
            return "The block size must be a power of two between 1 and 128 that divides both sides.";
        case Status::scratch_size:
            return "The scratch memory is smaller than the core asked for, or is not 8-byte aligned.";
        case Status::isa:
            return "This instruction set is unknown, or this CPU does not have it.";
        case Status::stream_position:
            return "The position in the random stream must lie below 2^62.";
        case Status::channels:
            return "The number of channels must lie between 1 and 1024.";
        case Status::not_finite:
            return "The values must be finite, and their squares must add up to a finite float32.";
        case Status::map_size:
            return "Each side of the map must lie between 1 and 1024.";
        case Status::struct_size:
            return "The struct_size is not the size of the struct in this version of the library.";
    }
    return "Unknown status.";
}

}  // namespace sealframe
