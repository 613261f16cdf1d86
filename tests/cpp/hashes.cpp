// Prints one line "case hash" for every case, on the instruction set that SEALFRAME_ISA names. With the
// argument "upward" floating-point operations round upward: what is whole numbers must not notice.

#include <fenv.h>
#include <inttypes.h>
#include <string.h>

#include "cases.hpp"

namespace {

/// FNV-1a, 64 bits.
uint64_t hash(const cases::Bytes& bytes) {
    uint64_t h = 0xcbf29ce484222325;
    for (const uint8_t byte : bytes) h = (h ^ byte) * 0x100000001b3;
    return h;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && (strcmp(argv[1], "upward") != 0 || fesetround(FE_UPWARD) != 0)) return 2;
    cases::check(sf_set_isa_from_environment());
    for (const cases::Case& one : cases::all())
        printf("%s %016" PRIx64 "\n", one.name.c_str(), hash(one.run()));
    return 0;
}
