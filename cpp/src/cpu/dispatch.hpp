#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <initializer_list>

/// From the instruction set in use to a stage's kernels for it.
namespace sealframe::cpu {

/// The sets of cpu/instruction_sets.def by rank: of two that run, the later is the faster.
enum class Isa : std::size_t {
#define SEALFRAME_INSTRUCTION_SET(name, ...) name,
#include "cpu/instruction_sets.def"
    undecided,
};

inline constexpr auto isa_count = static_cast<std::size_t>(Isa::undecided);

/// The set in use; undecided until one is wanted.
extern std::atomic<Isa> chosen;

/// Chooses the best usable set, unless one was chosen meanwhile.
Isa decide();

inline Isa active_isa() {
    const Isa isa = chosen.load(std::memory_order_relaxed);
    return isa == Isa::undecided ? decide() : isa;
}

/// The kernels of one group for every instruction set. A set without kernels has those of the set before it.
template <typename Kernels>
class Dispatch {
  public:
    struct Entry {
        Isa isa;
        const Kernels* kernels;
    };

    /// Entries stand in the order of the sets and begin with Isa::scalar: each serves its set and all after
    /// it.
    constexpr Dispatch(std::initializer_list<Entry> entries) {
        for (const Entry& entry : entries) {
            for (auto i = static_cast<std::size_t>(entry.isa); i < isa_count; ++i) table_[i] = entry.kernels;
        }
    }

    constexpr const Kernels& of(Isa isa) const { return *table_[static_cast<std::size_t>(isa)]; }

    const Kernels& active() const { return of(active_isa()); }

  private:
    std::array<const Kernels*, isa_count> table_{};
};

}  // namespace sealframe::cpu
