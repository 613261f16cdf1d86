#include "picture.h"

int main(int argc, char** argv) {
    return argc == 4 ? run(argv[1], strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10)) : 2;
}
