// api_stream.cpp: streams and events
#include <chrono>

#include "api.h"
#include "memory.h"
#include "streams.h"

using namespace emulator;

namespace {

double now() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int finish() {
    if (sticky_status() == status::success) set_sticky_status(Memory::instance().check_canaries());
    return sticky_status();
}

}  // namespace

CUDA_API int cuStreamCreate(void** handle, unsigned flags) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    *handle = Streams::instance().create((flags & 1) == 0);
    return status::success;
}

CUDA_API int cuStreamCreateWithPriority(void** handle, unsigned flags, int) { return cuStreamCreate(handle, flags); }

CUDA_API int cuStreamDestroy_v2(void* handle) {
    const Call call(__func__, Needs::release);
    if (call.status != status::success) return call.status;
    return Streams::instance().destroy(handle) ? sticky_status() : status::invalid_handle;
}

CUDA_API int cuStreamSynchronize(void* handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const auto stream = Streams::instance().find(handle);
    if (stream == nullptr) return report(status::invalid_handle, "cuStreamSynchronize: no such stream");
    if (stream->capture != nullptr) return report(status::capture_unsupported, "cuStreamSynchronize: the stream is being captured");
    Streams::instance().run(stream);
    return finish();
}

CUDA_API int cuStreamQuery(void* handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const auto stream = Streams::instance().find(handle);
    if (stream == nullptr) return status::invalid_handle;
    if (stream->queue.empty()) return status::success;
    Streams::instance().run_one(stream);
    return sticky_status() != status::success ? sticky_status() : status::not_ready;
}

CUDA_API int cuStreamWaitEvent(void* handle, void* event, unsigned) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    Streams& streams = Streams::instance();
    const auto stream = streams.find(handle);
    if (stream == nullptr || !streams.is_event(event)) return status::invalid_handle;
    if (stream->capture != nullptr) return report(status::capture_unsupported, "cuStreamWaitEvent: not while capturing, in this emulator");
    const auto* waited = static_cast<const Event*>(event);
    if (waited->is_recorded) streams.wait_for(stream, waited->mark);
    return status::success;
}

CUDA_API int cuEventCreate(void** handle, unsigned) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    *handle = Streams::instance().create_event();
    return status::success;
}

CUDA_API int cuEventDestroy_v2(void* handle) {
    const Call call(__func__, Needs::release);
    if (call.status != status::success) return call.status;
    return Streams::instance().destroy_event(handle) ? sticky_status() : status::invalid_handle;
}

CUDA_API int cuEventRecord(void* handle, void* stream_handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    Streams& streams = Streams::instance();
    const auto stream = streams.find(stream_handle);
    if (stream == nullptr || !streams.is_event(handle)) return status::invalid_handle;
    if (stream->capture != nullptr) return report(status::capture_unsupported, "cuEventRecord: not while capturing, in this emulator");
    auto* event = static_cast<Event*>(handle);
    event->is_recorded = true;
    event->mark = {stream, stream->end() + 1};
    return streams.enqueue(stream, [event] {
        event->milliseconds = now();
        return status::success;
    });
}

CUDA_API int cuEventSynchronize(void* handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    if (!Streams::instance().is_event(handle)) return status::invalid_handle;
    const auto* event = static_cast<const Event*>(handle);
    if (event->is_recorded) Streams::instance().run(event->mark);
    return finish();
}

CUDA_API int cuEventQuery(void* handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    if (!Streams::instance().is_event(handle)) return status::invalid_handle;
    const auto* event = static_cast<const Event*>(handle);
    if (!event->is_recorded || event->mark.stream->done >= event->mark.end) return status::success;
    Streams::instance().run_one(event->mark.stream);
    return sticky_status() != status::success ? sticky_status() : status::not_ready;
}

CUDA_API int cuEventElapsedTime(float* milliseconds, void* start, void* end) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    if (!Streams::instance().is_event(start) || !Streams::instance().is_event(end)) return status::invalid_handle;
    const auto *first = static_cast<const Event*>(start), *second = static_cast<const Event*>(end);
    if (!first->is_recorded || !second->is_recorded) return status::invalid_handle;
    for (const Event* event : {first, second})
        if (event->mark.stream->done < event->mark.end) return status::not_ready;
    *milliseconds = static_cast<float>(second->milliseconds - first->milliseconds);
    return status::success;
}
