/* What the consumers share: a picture from a raw file, features, a similarity map with its mirror image, and
 * output. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "sealframe/sealframe.h"

enum { SIDE = 128 };

static void check(int32_t status) {
    if (status == SF_OK) return;
    fprintf(stderr, "%s\n", sf_status_text(status));
    exit(1);
}

/* Reads height x width RGB bytes from the file, writes features (128x128) and map (128x128) to standard
 * output. */
static int run(const char* path, size_t height, size_t width) {
    static uint8_t features[SIDE * SIDE], tiles[SIDE * SIDE], rows[SIDE * SIDE], mirrored[SIDE * SIDE];
    static int8_t map[SIDE * SIDE];
    uint8_t* pixels = (uint8_t*)malloc(height * width * 3);
    FILE* file = fopen(path, "rb");
    if (pixels == NULL || file == NULL || fread(pixels, 3, height * width, file) != height * width) return 2;
    fclose(file);

    const sf_image image = {sizeof(sf_image), SF_RGB, pixels, height, width, (ptrdiff_t)(3 * width), 3};
    const sf_image mirror = {sizeof(sf_image),       SF_RGB, pixels + 3 * (width - 1), height, width,
                             (ptrdiff_t)(3 * width), -3};
    sf_area_mean_request request = {sizeof(sf_area_mean_request), SF_FEATURE_GRAY, SF_BLOCKS, 0, SIDE, SIDE};
    size_t bytes = 0, more = 0;
    check(sf_area_mean_scratch(&mirror, &request, &bytes));
    check(sf_window_cosine_scratch(SIDE, SIDE, 7, &more));
    if (more > bytes) bytes = more;
    void* scratch = malloc(bytes);
    if (scratch == NULL) return 2;
    check(sf_area_mean(&image, &request, tiles, scratch, bytes));
    check(sf_unblock(tiles, SIDE, SIDE, rows));
    request.layout = SF_ROWS;
    check(sf_area_mean(&image, &request, features, scratch, bytes));
    for (int i = 0; i < SIDE * SIDE; ++i) {
        if (features[i] != rows[i]) return 3;
    }
    check(sf_area_mean(&mirror, &request, mirrored, scratch, bytes));
    check(sf_window_cosine(features, mirrored, SIDE, SIDE, 7, map, scratch, bytes));
    fwrite(features, 1, sizeof features, stdout);
    fwrite(map, 1, sizeof map, stdout);
    free(scratch);
    free(pixels);
    return sf_abi_version() == SF_ABI_VERSION ? 0 : 4;
}

#endif
