#pragma once

namespace sealframe {

/// What a call of the core answers. Nothing in the core throws, prints or aborts.
enum class Status : int {
    ok = 0,
    null_pointer,
    image_size,
    image_stride,
    channel_order,
    output_size,
    block_layout,
    feature,
    threshold,
    window,
    block_size,
    scratch_size,
    isa,
    stream_position,
    channels,
    not_finite,
    map_size,
    struct_size,
};

/// One sentence in English for a person; static storage.
const char* describe(Status status);

}  // namespace sealframe
