/* sealframe from C: features in, similarity map and reductions out, equal to the last bit on every CPU.
 *
 * All memory is the caller's. Nothing here allocates, prints, throws, starts a thread or keeps a pointer.
 * Every call may run in any number of threads. The one state is the chosen instruction set, which changes the
 * speed alone.
 *
 * Every function with an int32_t result returns a status: 0 done, else one of SF_... below, and then the
 * outputs are untouched (sf_channel_cosine_f32 says more). Outputs must not share memory with inputs. Sizes
 * count elements unless their name ends in _bytes. Scratch memory is 8-byte aligned, of the size that the
 * matching ..._scratch call writes. Each function names the statuses that it answers besides SF_OK and
 * SF_NULL_POINTER, which says that a pointer is null, also where nothing would be read or written.
 *
 * Arrays are packed and in row order, (height, width) or (pixels, channels). Calls expect the C library's
 * usual rounding, to nearest; whole numbers do not depend on it.
 *
 * The shipped networks take and give uint8 tensors (N, 16, 16, 4) in 2x2 block order: the picture, its sides
 * multiples of 32, is cut into 32x32 tiles in row order, and tile[n][i][j][2 r + c] = pixel (2 i + r, 2 j +
 * c) of tile n. A byte p stands for (p - 128) / 128. sf_area_mean writes this order, sf_block and sf_unblock
 * convert.
 *
 * For factor profile 1: sf_area_mean to 128x128 in SF_BLOCKS, the generator network on these 16 tiles,
 * sf_unblock of both tensors, sf_window_cosine with window 7, sf_block_means with size 8, sf_row_sums.
 * Sealing is Python's.
 */
#ifndef SEALFRAME_H
#define SEALFRAME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SF_API __attribute__((visibility("default")))
#else
#define SF_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version and status
 * ------------------------------------------------------------------------------------- */

/* Changes when a program must be compiled anew. */
#define SF_ABI_VERSION 1

enum {
    SF_OK = 0,
    SF_NULL_POINTER = 1,     /* a pointer that must be given is null */
    SF_IMAGE_SIZE = 2,       /* a side is not 1..65535, or a count is beyond 2^32 pixels or 2^60 elements */
    SF_IMAGE_STRIDE = 3,     /* pixels of a row overlap, or a stride is beyond 2^40 */
    SF_CHANNEL_ORDER = 4,    /* not one of the SF_GRAY.. orders */
    SF_OUTPUT_SIZE = 5,      /* a side of the output is not 1..4096 */
    SF_BLOCK_LAYOUT = 6,     /* unknown, or blocks that are not gray or of sides that 32 does not divide */
    SF_FEATURE = 7,          /* not one of SF_FEATURE_.. */
    SF_THRESHOLD = 8,        /* a level is not 0..255 */
    SF_WINDOW = 9,           /* the window is not odd and 3..15 */
    SF_BLOCK_SIZE = 10,      /* not a power of two up to 128 that divides both sides */
    SF_SCRATCH = 11,         /* scratch too small or not 8-byte aligned */
    SF_ISA = 12,             /* unknown instruction set, or not on this CPU */
    SF_STREAM_POSITION = 13, /* beyond word 2^62 of a random stream */
    SF_CHANNELS = 14,        /* channels not 1..1024 */
    SF_NOT_FINITE = 15,      /* a float is NaN or infinite, or the squares overflow float32 */
    SF_MAP_SIZE = 16,        /* a side of a map is not 1..1024 */
    SF_STRUCT_SIZE = 17      /* struct_size is not the size of this version's struct */
};

/* The ABI version of the library that runs; compare it with SF_ABI_VERSION. */
SF_API uint32_t sf_abi_version(void);

/* "major.minor.patch" of the library that runs; static storage. */
SF_API const char* sf_version(void);

/* One English sentence for a status; static storage, never null. */
SF_API const char* sf_status_text(int32_t status);

/* ---- Instruction set
 * ---------------------------------------------------------------------------------------- */

/* The instruction set in use: "scalar", "avx2", "avx512" or "neon"; static storage. The best one of this CPU
 * until chosen. */
SF_API const char* sf_isa(void);

/* The i-th instruction set that this CPU can run, from 0, best last; null past the end. */
SF_API const char* sf_usable_isa(uint32_t i);

/* Use this one from now on, in all threads. SF_ISA when this CPU cannot, SF_NULL_POINTER. */
SF_API int32_t sf_set_isa(const char* name);

/* Do the same with the environment variable SEALFRAME_ISA; SF_OK and no change when it is not set or empty.
 */
SF_API int32_t sf_set_isa_from_environment(void);

/* ---- Pictures
 * ----------------------------------------------------------------------------------------------- */

/* Channels of a pixel in memory order; X is a byte that is ignored, such as alpha. */
enum { SF_GRAY = 0, SF_RGB = 1, SF_BGR = 2, SF_RGBX = 3, SF_BGRX = 4, SF_XRGB = 5, SF_XBGR = 6 };

typedef struct sf_image {
    uint32_t struct_size; /* sizeof(sf_image) */
    int32_t order;        /* SF_GRAY.. */
    const uint8_t* data;  /* first channel of the pixel in row 0, column 0 */
    size_t height;        /* 1..65535 */
    size_t width;         /* 1..65535 */
    ptrdiff_t row_stride; /* bytes from a pixel to the one below; may be negative */
    ptrdiff_t
        pixel_stride; /* bytes from a pixel to the one at its right; may be negative; magnitude >= channels */
} sf_image;

/* BT.601 luma, (9798 R + 19235 G + 3735 B + 16384) >> 15; gray as it is. out: uint8 (height, width).
 * SF_STRUCT_SIZE, SF_IMAGE_SIZE, SF_IMAGE_STRIDE, SF_CHANNEL_ORDER. */
SF_API int32_t sf_gray(const sf_image* image, uint8_t* out);

/* ---- Features
 * ----------------------------------------------------------------------------------------------- */

enum {
    SF_FEATURE_GRAY = 0,   /* uint8: exact area mean N / D of the unrounded luma, floor((2 N + D) / (2 D)) */
    SF_FEATURE_BINARY = 1, /* uint8: 1 where N >= threshold * D, else 0 */
    SF_FEATURE_STANDARDISED = 2 /* float: float(2 g - 255) * (1 / 255f) of the gray feature g; -1..1 */
};

enum {
    SF_ROWS = 0,  /* (height, width) */
    SF_BLOCKS = 1 /* (height / 32 * width / 32, 16, 16, 4), see above; SF_FEATURE_GRAY alone */
};

typedef struct sf_area_mean_request {
    uint32_t struct_size; /* sizeof(sf_area_mean_request) */
    int32_t feature;      /* SF_FEATURE_.. */
    int32_t layout;       /* SF_ROWS or SF_BLOCKS */
    int32_t threshold;    /* 0..255, used by SF_FEATURE_BINARY */
    size_t height;        /* of the output, 1..4096 */
    size_t width;         /* of the output, 1..4096 */
} sf_area_mean_request;

/* The picture at the request's size, in one pass. A side that is shorter than the output's is first stretched
 * to it: pixel i of n takes pixel floor((2 i + 1) side / (2 n)). out: height * width elements of the
 * feature's type. SF_STRUCT_SIZE, SF_IMAGE_SIZE, SF_IMAGE_STRIDE, SF_CHANNEL_ORDER, SF_OUTPUT_SIZE,
 * SF_FEATURE, SF_THRESHOLD, SF_BLOCK_LAYOUT; the second also SF_SCRATCH. */
SF_API int32_t sf_area_mean_scratch(const sf_image* image, const sf_area_mean_request* request,
                                    size_t* scratch_bytes);
SF_API int32_t sf_area_mean(const sf_image* image, const sf_area_mean_request* request, void* out,
                            void* scratch, size_t scratch_bytes);

/* (height, width) to tiles in 2x2 block order and back; sides are multiples of 32 up to 4096.
 * SF_OUTPUT_SIZE, SF_BLOCK_LAYOUT. */
SF_API int32_t sf_block(const uint8_t* rows, size_t height, size_t width, uint8_t* tiles);
SF_API int32_t sf_unblock(const uint8_t* tiles, size_t height, size_t width, uint8_t* rows);

/* out[i] = 1 where gray[i] >= threshold (0..255), else 0. SF_THRESHOLD, SF_IMAGE_SIZE. */
SF_API int32_t sf_binarise(const uint8_t* gray, size_t count, int32_t threshold, uint8_t* out);

/* out[i] = float(2 gray[i] - 255) * (1 / 255f). SF_IMAGE_SIZE. */
SF_API int32_t sf_standardise(const uint8_t* gray, size_t count, float* out);

/* Words first .. first + count - 1 (16 bits, little endian) of the ChaCha12 keystream with this 32-byte key,
 * a zero 64-bit nonce and a 64-bit block counter from 0. first + count <= 2^62.
 * SF_STREAM_POSITION, SF_IMAGE_SIZE. */
SF_API int32_t sf_random_words(const uint8_t seed[32], uint64_t first, size_t count, uint16_t* out);

/* out[i] = 1 with probability gray[i] / 255, else 0: word first + i < 257 gray[i], or gray[i] = 255.
 * SF_STREAM_POSITION, SF_IMAGE_SIZE. */
SF_API int32_t sf_bernoulli(const uint8_t* gray, size_t count, const uint8_t seed[32], uint64_t first,
                            uint8_t* out);

/* Orthonormal DCT-II of p - 128 of each 32x32 tile, in 1/8, in integers. Sides are multiples of 32 up to
 * 4096. out: int16 (tiles, 32, 32), tiles in row order, [vertical frequency][horizontal frequency].
 * SF_OUTPUT_SIZE, SF_BLOCK_LAYOUT. */
SF_API int32_t sf_spectrum(const uint8_t* rows, size_t height, size_t width, int16_t* out);

/* ---- Derivation
 * --------------------------------------------------------------------------------------------- */

/* The latent that the likelihood network takes, drawn from what the posterior network gives (tensors of any
 * shape with count values in all): clamp((mean << 18) + deviation * noise + 2^17 >> 18, 0, 255), where
 *   deviation = round(64 * 32 * exp(-5 + log_variance / 40)),
 *   noise     = round(4096 * quantile((word + 1/2) / 65536)) of the standard normal distribution, and
 *   word      = word first + i of the seed's stream, see sf_random_words.
 * `out` may be `mean`. SF_STREAM_POSITION, SF_IMAGE_SIZE. */
SF_API int32_t sf_sample_posterior(const uint8_t* mean, const uint8_t* log_variance, size_t count,
                                   const uint8_t seed[32], uint64_t first, uint8_t* out);

/* ---- Similarity
 * --------------------------------------------------------------------------------------------- */

/* Cosine of the windows around each pixel of a and b (height, width), of p - 128, in 1/127:
 * floor(127 dot / isqrt(|a|^2 |b|^2)); two windows of zeros give 127, one gives 0. Sides 1..65535; window
 * odd, 3..15, cut at the border. out: int8 (height, width), -127..127. SF_IMAGE_SIZE, SF_WINDOW; the second
 * also SF_SCRATCH. */
SF_API int32_t sf_window_cosine_scratch(size_t height, size_t width, int32_t window, size_t* scratch_bytes);
SF_API int32_t sf_window_cosine(const uint8_t* a, const uint8_t* b, size_t height, size_t width,
                                int32_t window, int8_t* out, void* scratch, size_t scratch_bytes);

/* The same of the channel vectors (pixels, channels), channels 1..1024, of v - zero (0..255). out: int8
 * (pixels), up to 2^32. SF_CHANNELS, SF_IMAGE_SIZE, SF_THRESHOLD when zero is none. */
SF_API int32_t sf_channel_cosine_u8(const uint8_t* a, const uint8_t* b, size_t pixels, size_t channels,
                                    int32_t zero, int8_t* out);

/* The same of float32, as float32 (pixels), -1..1 up to rounding; two zero vectors give 1, one gives 0.
 * SF_CHANNELS, SF_IMAGE_SIZE, and SF_NOT_FINITE, which leaves `out` partly written. */
SF_API int32_t sf_channel_cosine_f32(const float* a, const float* b, size_t pixels, size_t channels,
                                     float* out);

/* ---- Reductions
 * --------------------------------------------------------------------------------------------- */

/* (sum + size^2 / 2) >> log2(size^2) of each block; size 1, 2, 4 .. 128 divides both sides (1..65535).
 * out: uint8 (height / size, width / size). SF_IMAGE_SIZE, SF_BLOCK_SIZE. */
SF_API int32_t sf_block_means(const uint8_t* image, size_t height, size_t width, size_t size, uint8_t* out);

/* Sum of each row of an int8 map with sides 1..65535. out: int32 (height). SF_IMAGE_SIZE. */
SF_API int32_t sf_row_sums(const int8_t* map, size_t height, size_t width, int32_t* out);

/* out: sum of |x|, sum of x^2 (Frobenius squared), largest sum of |x| over one row. Sides 1..65535.
 * SF_IMAGE_SIZE. */
SF_API int32_t sf_norms(const int8_t* map, size_t height, size_t width, int64_t out[3]);

/* Rank modulo the prime 65521, 0..1024. Sides 1..1024. SF_MAP_SIZE; the second also SF_SCRATCH. */
SF_API int32_t sf_rank_scratch(size_t height, size_t width, size_t* scratch_bytes);
SF_API int32_t sf_rank(const int8_t* map, size_t height, size_t width, int32_t* out, void* scratch,
                       size_t scratch_bytes);

/* Leading eigenvalue (in 1/256) and eigenvector (`width` elements, unit length 2^30, its first largest
 * magnitude positive) of M^T M after 32 power steps in fixed point; sealframe/factor.hpp defines every
 * rounding. A map of zeros gives 0 and zeros. Sides 1..1024. SF_MAP_SIZE; the second also
 * SF_SCRATCH. */
SF_API int32_t sf_leading_pair_scratch(size_t height, size_t width, size_t* scratch_bytes);
SF_API int32_t sf_leading_pair(const int8_t* map, size_t height, size_t width, int64_t* value,
                               int32_t* vector, void* scratch, size_t scratch_bytes);

#ifdef __cplusplus
}
#endif

#endif
