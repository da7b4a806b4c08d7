// The engine of this instruction set, for src/dispatch.cpp.
#include "variegate/runs.hpp"

namespace variegate::inline VARIEGATE_TARGET {

#define VARIEGATE_WRITTEN(name) #name
#define VARIEGATE_NAME(name) VARIEGATE_WRITTEN(name)

const Engine& own_engine();

const Engine& own_engine() {
    static constexpr Engine engine{
        VARIEGATE_NAME(VARIEGATE_TARGET),
        {run_stage<uint8_t>, run_masks<uint8_t>, run_mixes<uint8_t>, run_output<uint8_t>},
        {run_stage<float>, run_masks<float>, run_mixes<float>, run_output<float>},
        {run_rounding, run_extent, settle_levels<float>, settle_levels<double>, scale_levels},
    };
    return engine;
}

} // namespace variegate::inline VARIEGATE_TARGET
