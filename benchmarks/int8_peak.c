/* How many 8-bit products one core adds up when it does nothing else: registers alone, no memory.
 *
 * cc -O3 -march=native -shared -fPIC; benchmarks/networks.py does so. Instructions are spelled out, for a
 * compiler leaves out products whose factors it knows. */
#include <stdint.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512VNNI__)
typedef __m512i Vector;
enum { PRODUCTS = 64 };
#define ADD_PRODUCTS(sum) __asm__ volatile("vpdpbusd %1, %1, %0" : "+v"(sum) : "v"(factors))
#elif defined(__AVXVNNI__)
typedef __m256i Vector;
enum { PRODUCTS = 32 };
#define ADD_PRODUCTS(sum) __asm__ volatile("%{vex%} vpdpbusd %1, %1, %0" : "+x"(sum) : "x"(factors))
#elif defined(__AVX2__)
typedef __m256i Vector;
enum { PRODUCTS = 32 };
#define ADD_PRODUCTS(sum)                                                                    \
    do {                                                                                     \
        Vector pairs;                                                                        \
        __asm__ volatile("vpmaddubsw %2, %2, %1\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0" \
                         : "+x"(sum), "=&x"(pairs)                                           \
                         : "x"(factors));                                                    \
    } while (0)
#elif defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>
typedef int32x4_t Vector;
enum { PRODUCTS = 16 };
#define ADD_PRODUCTS(sum) __asm__ volatile("sdot %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(factors))
#endif

enum { SUMS = 12 }; /* enough to hide the latency of one, few enough for 16 registers */

/* The products of so many rounds; 0 where this file knows no instruction for them. */
int64_t add_products(int64_t rounds) {
#if defined(ADD_PRODUCTS)
    const Vector factors = {0};
    Vector sums[SUMS] = {{0}};
    for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
        for (int sum = 0; sum < SUMS; ++sum) ADD_PRODUCTS(sums[sum]);
    }
    return rounds * SUMS * PRODUCTS;
#else
    return 0 * rounds;
#endif
}
