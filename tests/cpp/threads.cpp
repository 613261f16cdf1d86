// Several threads run every typical case at once while another one changes the instruction set; for
// ThreadSanitizer.

#include <atomic>
#include <thread>

#include "cases.hpp"

int main() {
    const std::vector<cases::Case> work = cases::typical();
    std::vector<cases::Bytes> expected;
    for (const cases::Case& one : work) expected.push_back(one.run());

    std::atomic<bool> wrong{false}, done{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (size_t i = 0; i < work.size(); ++i) {
                if (work[i].run() != expected[i]) wrong = true;
            }
        });
    }
    std::thread changing([&] {
        for (uint32_t i = 0; !done; i = sf_usable_isa(i + 1) != nullptr ? i + 1 : 0) {
            cases::check(sf_set_isa(sf_usable_isa(i)));
        }
    });
    for (std::thread& thread : threads) thread.join();
    done = true;
    changing.join();
    return wrong ? 1 : 0;
}
