#include "variegate/scratch.hpp"

namespace variegate::inline VARIEGATE_TARGET {

Scratch& Scratch::mine() {
    thread_local Scratch scratch;
    return scratch;
}

void Scratch::trim() {
    constexpr size_t kept = size_t{64} << 20;
    for (Buffer* buffer :
         {&groups,    &source,    &image[0], &image[1],     &tile,        &tables,
          &reduced,   &margin,    &fixed,    &groups_along, &pairs_along, &passed_row,
          &turned,    &pass,      &lines,    &points,       &weights[0],  &weights[1],
          &places[0], &places[1], &smaller,  &sums}) {
        if (buffer->size() > kept) buffer->release();
    }
}

} // namespace variegate::inline VARIEGATE_TARGET
