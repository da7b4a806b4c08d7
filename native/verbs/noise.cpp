// NOISE: adds sigma times a standard normal number, an entry of one table at the top bits of the
// value's own word.
#include "variegate/random.hpp"
#include "variegate/rounding.hpp"
#include "variegate/verbs.hpp"

namespace variegate::inline VARIEGATE_TARGET {

template <class T> void noise(const T* in, Shape shape, const Tables& tables, int64_t row, T* out) {
    const uint64_t key = tables.noise_key[row];
    const double sigma = tables.noise[row] * 255.0;
    for (int64_t i = 0; i < shape.values(); ++i) {
        const double normal = tables.normal[random_word(key, static_cast<uint64_t>(i)) >> 52];
        out[i] = Rounding<T>::rounded(Rounding<T>::level(in[i]) + normal * sigma);
    }
}

template void noise<uint8_t>(const uint8_t*, Shape, const Tables&, int64_t, uint8_t*);
template void noise<float>(const float*, Shape, const Tables&, int64_t, float*);

} // namespace variegate::inline VARIEGATE_TARGET
