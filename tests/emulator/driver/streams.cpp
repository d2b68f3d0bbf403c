#include "streams.h"

#include <algorithm>

#include "grid.h"
#include "report.h"
#include "status.h"

namespace emulator {

namespace {

// A device does not queue without end either; the oldest work runs when the host is so far ahead.
constexpr std::size_t queue_limit = 1024;

}  // namespace

Streams::Streams() : default_(std::make_shared<Stream>()) {}

Streams& Streams::instance() {
    static auto* const streams = new Streams;
    return *streams;
}

std::shared_ptr<Stream> Streams::find(const void* handle) const {
    if (reinterpret_cast<std::uintptr_t>(handle) <= 2) return default_;
    for (const auto& stream : streams_)
        if (stream.get() == handle) return stream;
    return nullptr;
}

Stream* Streams::create(bool is_blocking) {
    streams_.push_back(std::make_shared<Stream>());
    streams_.back()->is_blocking = is_blocking;
    return streams_.back().get();
}

bool Streams::destroy(void* handle) {
    const auto stream = find(handle);
    if (stream == nullptr || stream == default_) return false;
    run(stream);
    streams_.erase(std::find(streams_.begin(), streams_.end(), stream));
    return true;
}

Event* Streams::create_event() {
    events_.push_back(std::make_unique<Event>());
    return events_.back().get();
}

bool Streams::is_event(const void* handle) const {
    return std::any_of(events_.begin(), events_.end(), [&](const auto& event) { return event.get() == handle; });
}

bool Streams::destroy_event(void* handle) {
    const auto found = std::find_if(events_.begin(), events_.end(), [&](const auto& event) { return event.get() == handle; });
    if (found == events_.end()) return false;
    if ((*found)->is_recorded) run((*found)->mark);  // its operation writes the time into it
    events_.erase(found);
    return true;
}

// The default stream waits for all blocking streams, and they for it.
std::vector<Mark> Streams::implicit_marks(const std::shared_ptr<Stream>& stream) const {
    std::vector<Mark> marks;
    if (stream == default_) {
        for (const auto& other : streams_)
            if (other->is_blocking && !other->queue.empty()) marks.push_back({other, other->end()});
    } else if (stream->is_blocking && !default_->queue.empty()) {
        marks.push_back({default_, default_->end()});
    }
    return marks;
}

int Streams::enqueue(const std::shared_ptr<Stream>& stream, Work work) {
    if (stream->capture != nullptr) {
        stream->capture->push_back(std::move(work));
        return status::success;
    }
    stream->queue.push_back({std::move(work), implicit_marks(stream)});
    if (!is_lazy_) run(stream);
    if (stream->queue.size() > queue_limit) run({stream, stream->done + queue_limit / 2});
    return status::success;
}

void Streams::wait_for(const std::shared_ptr<Stream>& stream, const Mark& mark) {
    if (mark.stream == nullptr || mark.stream == stream || mark.stream->done >= mark.end) return;
    stream->queue.push_back({[] { return status::success; }, {mark}});
    if (!is_lazy_) run(stream);
}

void Streams::run_here(const Mark& mark) {
    while (mark.stream->done < mark.end) {
        const Operation operation = std::move(mark.stream->queue.front());
        mark.stream->queue.pop_front();
        for (const Mark& other : operation.after) run_here(other);
        if (sticky_status() == status::success) set_sticky_status(operation.work());
        ++mark.stream->done;
    }
}

void Streams::run(const Mark& mark) {
    if (mark.stream == nullptr || mark.stream->done >= mark.end) return;
    on_device_thread([&] { run_here(mark); });
}

void Streams::run(const std::shared_ptr<Stream>& stream) { run({stream, stream->end()}); }

void Streams::run_one(const std::shared_ptr<Stream>& stream) { run({stream, std::min(stream->end(), stream->done + 1)}); }

// Streams promise each other nothing beyond their marks: one operation here, one there.
void Streams::run_all() {
    run(default_);
    for (;;) {
        std::vector<std::shared_ptr<Stream>> busy;
        for (const auto& stream : streams_)
            if (!stream->queue.empty()) busy.push_back(stream);
        if (busy.empty()) return;
        if (busy.size() == 1) {
            run(busy.front());
            continue;
        }
        random_ = random_ * 6364136223846793005ull + 1442695040888963407ull;
        run_one(busy[(random_ >> 33) % busy.size()]);
    }
}

void Streams::set_lazy(bool is_lazy) {
    run_all();
    is_lazy_ = is_lazy;
}

}  // namespace emulator
