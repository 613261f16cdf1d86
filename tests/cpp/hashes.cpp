// Prints one line "case hash" for every case, on the instruction set that SEALFRAME_ISA names.

#include <inttypes.h>

#include "cases.hpp"

namespace {

/// FNV-1a, 64 bits.
uint64_t hash(const cases::Bytes& bytes) {
    uint64_t h = 0xcbf29ce484222325;
    for (const uint8_t byte : bytes) h = (h ^ byte) * 0x100000001b3;
    return h;
}

}  // namespace

int main() {
    cases::check(sf_set_isa_from_environment());
    for (const cases::Case& one : cases::all())
        printf("%s %016" PRIx64 "\n", one.name.c_str(), hash(one.run()));
    return 0;
}
