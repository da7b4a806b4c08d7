// Shares work out over threads that stay alive between calls and are made anew in a forked child.
#pragma once

#include <cstdint>
#include <functional>

namespace variegate {

// Calls work(i) once for each i in 0..count-1, in any order, on at most `threads` threads, this one
// among them. first: what this thread does before it joins in, while the others work; it may call
// parallel_for. The first exception of any thread is thrown here, after all threads have stopped.
void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& work,
                  const std::function<void()>& first = {});

} // namespace variegate
