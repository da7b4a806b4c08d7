// Which of the compiled engines runs: asked of the processor once.
#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "variegate/engine.hpp"

namespace variegate {

namespace baseline {
const Engine& own_engine();
}
#ifdef VARIEGATE_HAVE_AVX2
namespace avx2 {
const Engine& own_engine();
}
#endif
#ifdef VARIEGATE_HAVE_AVX512
namespace avx512 {
const Engine& own_engine();
}
#endif

namespace {

std::vector<const Engine*> found() {
    std::vector<const Engine*> all{&baseline::own_engine()};
    // Every feature that CMakeLists.txt compiles a set with must be asked for here.
#ifdef VARIEGATE_HAVE_AVX2
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    if (has_avx2) all.push_back(&avx2::own_engine());
#endif
#ifdef VARIEGATE_HAVE_AVX512
    if (__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vnni"))
        all.push_back(&avx512::own_engine());
#endif
    return all;
}

const Engine* named(const std::string& name) {
    std::string names;
    for (const Engine* each : engines()) {
        if (each->target == name) return each;
        names += (names.empty() ? "" : ", ") + std::string(each->target);
    }
    throw std::invalid_argument("VARIEGATE_TARGET: this machine has " + names + ", got " + name);
}

std::atomic<const Engine*> current{nullptr};

} // namespace

const std::vector<const Engine*>& engines() {
    static const std::vector<const Engine*> all = found();
    return all;
}

const Engine& engine() {
    const Engine* known = current.load();
    if (known) return *known;
    const char* wish = std::getenv("VARIEGATE_TARGET");
    current = wish && *wish ? named(wish) : engines().back();
    return *current.load();
}

void use_engine(const std::string& name) { current = named(name); }

} // namespace variegate
