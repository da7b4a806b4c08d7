#include "variegate/threads.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace variegate {
namespace {

// One call's work. Neighbors go to one thread as far as that leaves enough for the others: two
// threads that write to the same piece of memory wait for each other.
struct Job {
    const std::function<void(int64_t)>& work;
    const int64_t count;
    const int threads;
    std::atomic<int64_t> next{0};
    std::mutex guard;
    std::exception_ptr error;

    void run() {
        attempt([this] {
            int64_t first = 0;
            while (const int64_t own = take(first))
                for (int64_t i = first; i < first + own; ++i) work(i);
        });
    }

    // How many items the thread does next, and the first of them; 0 where none is left.
    int64_t take(int64_t& first) {
        int64_t own = 0;
        first = next;
        do {
            if (first >= count) return 0;
            own = std::max<int64_t>(1, (count - first) / (4 * threads));
        } while (!next.compare_exchange_weak(first, first + own));
        return own;
    }

    // Does something; if that fails, nobody begins another item.
    template <class Task> void attempt(Task task) {
        try {
            task();
        } catch (...) {
            next = count;
            const std::lock_guard lock(guard);
            if (!error) error = std::current_exception();
        }
    }
};

// Taken by one caller at a time, whatever thread it comes from.
class Turn {
  public:
    explicit Turn(std::atomic<bool>& taken) : taken_(taken), mine_(!taken.exchange(true)) {}
    ~Turn() {
        if (mine_) taken_ = false;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return mine_; }

  private:
    std::atomic<bool>& taken_;
    const bool mine_;
};

// Tells the processor that this thread only looks at memory.
inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Keeps helpers off the processor of the thread that wakes them. Linux puts a woken thread next to
// its waker where it takes the other processors for busy, as it does with those of a virtual
// machine that sleep: without this, a call after a pause has one processor for all its threads,
// until the kernel shares them out some 50 ms later.
class Apart {
  public:
    void keep([[maybe_unused]] std::vector<std::thread>& helpers) {
#if defined(__linux__)
        const int here = sched_getcpu();
        cpu_set_t rest;
        if (here < 0 || sched_getaffinity(0, sizeof rest, &rest) != 0 || !CPU_ISSET(here, &rest))
            return; // as with more processors than the set holds
        if (CPU_COUNT(&rest) > 1) CPU_CLR(here, &rest);
        if (helpers.size() == count_ && CPU_EQUAL(&rest, &rest_)) return;
        for (std::thread& helper : helpers)
            pthread_setaffinity_np(helper.native_handle(), sizeof rest, &rest);
        rest_ = rest, count_ = helpers.size();
#endif
    }

#if defined(__linux__)
  private:
    cpu_set_t rest_{}; // where helpers run
    size_t count_ = 0; // how many they were when they were told
#endif
};

// Spins for a moment until something has come true, before its thread goes to sleep: to wake one
// takes longer than most calls are apart, and than threads that share a call end apart.
template <class Sign> void spin_until(Sign sign) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::microseconds(50);
    while (!sign() && Clock::now() < end)
        for (int i = 0; i < 16 && !sign(); ++i) relax();
}

class Pool {
  public:
    // Whoever calls while another call has the pool works alone: more threads would not help
    // either.
    void run(Job& job, int helpers, const std::function<void()>& first) {
        const Turn turn(taken_);
        if (!turn) return alone(job, first);
        grow(helpers);
        apart_.keep(workers_);
        {
            const std::lock_guard lock(guard_);
            job_ = &job;
            wanted_ = std::min<int>(helpers, static_cast<int>(workers_.size()));
            ++round_;
        }
        wake_.notify_all();
        alone(job, first);
        spin_until([&] { return busy_ == 0; });
        std::unique_lock lock(guard_);
        wanted_ = 0; // who has not begun need not
        done_.wait(lock, [&] { return busy_ == 0; });
        job_ = nullptr;
    }

  private:
    static void alone(Job& job, const std::function<void()>& first) {
        if (first) job.attempt(first);
        job.run();
    }

    void grow(int helpers) {
        while (static_cast<int>(workers_.size()) < helpers) {
            try {
                workers_.emplace_back([this] { serve(); });
            } catch (const std::system_error&) {
                return; // no more threads to be had: fewer do the same work
            }
        }
    }

    void serve() {
        uint64_t seen = 0;
        std::unique_lock lock(guard_);
        for (;;) {
            lock.unlock();
            spin_until([&] { return round_ != seen; });
            lock.lock();
            wake_.wait(lock, [&] { return wanted_ > 0 && round_ != seen; });
            seen = round_;
            --wanted_;
            ++busy_;
            Job* job = job_;
            lock.unlock();
            job->run();
            lock.lock();
            if (--busy_ == 0) done_.notify_one();
        }
    }

    std::atomic<bool> taken_{false};
    std::mutex guard_;
    std::condition_variable wake_;
    std::condition_variable done_;
    std::vector<std::thread> workers_;
    Apart apart_;
    Job* job_ = nullptr;
    int wanted_ = 0;
    std::atomic<uint64_t> round_{0}; // written under the guard, as is the next
    std::atomic<int> busy_{0};
};

// Never destroyed: at the end of the process its threads end with it. A forked child has none of
// them, and finds locks in whatever state they were, so it forgets the pool and makes its own.
std::atomic<Pool*> shared{nullptr};

Pool& pool() {
    Pool* found = shared.load();
    if (found) return *found;
#if defined(__unix__) || defined(__APPLE__)
    static std::atomic<bool> watched{false};
    if (!watched.exchange(true)) pthread_atfork(nullptr, nullptr, [] { shared.store(nullptr); });
#endif
    auto* made = new Pool;
    if (shared.compare_exchange_strong(found, made)) return *made;
    delete made;
    return *found;
}

} // namespace

void parallel_for(int64_t count, int threads, const std::function<void(int64_t)>& work,
                  const std::function<void()>& first) {
    const auto used = static_cast<int>(std::min<int64_t>(threads, count));
    if (used <= 1) {
        if (first) first();
        for (int64_t i = 0; i < count; ++i) work(i);
        return;
    }
    Job job{work, count, used, {}, {}, {}};
    pool().run(job, used - 1, first);
    if (job.error) std::rethrow_exception(job.error);
}

} // namespace variegate
