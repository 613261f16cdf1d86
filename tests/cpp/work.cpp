// Runs one typical case once, for instruction counts; without an argument it lists the cases.

#include "cases.hpp"

int main(int argc, char** argv) {
    cases::check(sf_set_isa_from_environment());
    for (const cases::Case& one : cases::typical()) {
        if (argc < 2) {
            puts(one.name.c_str());
        } else if (one.name == argv[1]) {
            one.run();
        }
    }
    return 0;
}
