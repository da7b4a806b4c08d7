// What the random tests share: dice, and a check that ends the program.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

struct Dice {
    std::mt19937_64 bits;

    // Both ends included.
    template <class Int> Int whole(Int low, Int high) {
        return std::uniform_int_distribution<Int>(low, high)(bits);
    }
    double real(double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(bits);
    }
    bool coin() { return whole(0, 1) == 1; }
};

inline void check(bool holds, const char* what, int call) {
    if (holds) return;
    std::printf("call %d: %s\n", call, what);
    std::exit(1);
}
