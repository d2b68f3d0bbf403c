// streams.h: work in order, run late
//
// In lazy mode (the default) nothing runs until the host waits for it, so that a host that reads a result, reuses a staging buffer or frees
// memory without waiting gets what it deserves. A stream is a queue; an operation may besides need other streams to have come so far.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace emulator {

struct Stream;

// "Everything that the stream was given before its operation number `end`."
struct Mark {
    std::shared_ptr<Stream> stream;
    std::uint64_t end = 0;
};

// The status of the work, which stays with the context if it is not success.
using Work = std::function<int()>;

struct Operation {
    Work work;
    std::vector<Mark> after;
};

// What capture records and a graph launch enqueues again.
using Recording = std::vector<Work>;

struct Stream {
    bool is_blocking = true;  // in order with the default stream
    std::deque<Operation> queue;
    std::uint64_t done = 0;  // operations that have run
    std::shared_ptr<Recording> capture;

    std::uint64_t end() const { return done + queue.size(); }
};

struct Event {
    Mark mark;
    bool is_recorded = false;
    double milliseconds = 0;  // when it ran, for cuEventElapsedTime
};

class Streams {
  public:
    static Streams& instance();

    // A handle of null (or 1, or 2) is the default stream. Null if there is no such stream.
    std::shared_ptr<Stream> find(const void* handle) const;
    Stream* create(bool is_blocking);
    bool destroy(void* handle);
    Event* create_event();
    bool is_event(const void* handle) const;
    bool destroy_event(void* handle);

    // Captured, queued or run at once, as the stream and the mode say.
    int enqueue(const std::shared_ptr<Stream>& stream, Work work);
    void wait_for(const std::shared_ptr<Stream>& stream, const Mark& mark);

    // Run a stream up to a mark, or to its end, or everything.
    void run(const Mark& mark);
    void run(const std::shared_ptr<Stream>& stream);
    void run_all();
    // One operation of the stream, for those who poll.
    void run_one(const std::shared_ptr<Stream>& stream);

    bool is_lazy() const { return is_lazy_; }
    void set_lazy(bool is_lazy);
    int count() const { return static_cast<int>(streams_.size()); }
    int event_count() const { return static_cast<int>(events_.size()); }

  private:
    Streams();
    void run_here(const Mark& mark);
    std::vector<Mark> implicit_marks(const std::shared_ptr<Stream>& stream) const;

    std::shared_ptr<Stream> default_;
    std::vector<std::shared_ptr<Stream>> streams_;
    std::vector<std::unique_ptr<Event>> events_;
    bool is_lazy_ = true;
    std::uint64_t random_ = 1;
};

}  // namespace emulator
