// Method: the best usable set, found at the first call that needs one; select() replaces it.
// Instructions: none of its own; processor.cpp asks the processor.

#include "sealframe/cpu.hpp"

#include <cstdlib>

#include "cpu/dispatch.hpp"
#include "cpu/processor.hpp"

namespace sealframe::cpu {
namespace {

struct InstructionSet {
    std::string_view name;
    bool (*usable)();
};

constexpr std::array<InstructionSet, isa_count> sets = {{
#define SEALFRAME_INSTRUCTION_SET(name, processor, usable, options) {#name, [] { return usable; }},
#include "cpu/instruction_sets.def"
}};

Isa best() {
    std::size_t i = isa_count - 1;
    while (!sets[i].usable()) --i;
    return static_cast<Isa>(i);
}

}  // namespace

std::atomic<Isa> chosen{Isa::undecided};

Isa decide() {
    Isa isa = Isa::undecided;
    const Isa found = best();
    return chosen.compare_exchange_strong(isa, found) ? found : isa;
}

const char* active() {
    return sets[static_cast<std::size_t>(active_isa())].name.data();
}

const char* usable(std::size_t i) {
    for (const InstructionSet& set : sets) {
        if (set.usable() && i-- == 0) return set.name.data();
    }
    return nullptr;
}

bool runs_numpy() {
    return has_x86_64_v2();
}

Status select(std::string_view wanted) {
    for (std::size_t i = 0; i < isa_count; ++i) {
        if (sets[i].name == wanted && sets[i].usable()) {
            chosen.store(static_cast<Isa>(i), std::memory_order_relaxed);
            return Status::ok;
        }
    }
    return Status::isa;
}

Status select_from_environment() {
    const char* wanted = std::getenv("SEALFRAME_ISA");
    return wanted == nullptr || *wanted == '\0' ? Status::ok : select(wanted);
}

}  // namespace sealframe::cpu
