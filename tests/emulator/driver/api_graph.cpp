// api_graph.cpp: graphs by capture
//
// A captured graph is the list of what was enqueued; launching it enqueues the same work again as one operation.
#include <algorithm>
#include <vector>

#include "api.h"
#include "streams.h"

using namespace emulator;

namespace {

struct Graph {
    std::shared_ptr<Recording> recording;
};

std::vector<std::unique_ptr<Graph>>& graphs() {
    static auto* const graphs = new std::vector<std::unique_ptr<Graph>>;
    return *graphs;
}

Graph* add(std::shared_ptr<Recording> recording) {
    graphs().push_back(std::make_unique<Graph>(Graph{std::move(recording)}));
    ++device().graphs;
    return graphs().back().get();
}

const Graph* find(const void* handle) {
    for (const auto& graph : graphs())
        if (graph.get() == handle) return graph.get();
    return nullptr;
}

int remove(const char* function, const void* handle) {
    const Call call(function, Needs::release);
    if (call.status != status::success) return call.status;
    const auto found = std::find_if(graphs().begin(), graphs().end(), [&](const auto& graph) { return graph.get() == handle; });
    if (found == graphs().end()) return status::invalid_handle;
    graphs().erase(found);
    --device().graphs;
    return sticky_status();
}

}  // namespace

CUDA_API int cuStreamBeginCapture_v2(void* handle, int) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const auto stream = Streams::instance().find(handle);
    if (stream == nullptr) return status::invalid_handle;
    if (stream == Streams::instance().find(nullptr))
        return report(status::capture_unsupported, "cuStreamBeginCapture: the default stream cannot be captured");
    if (stream->capture != nullptr) return report(status::invalid_value, "cuStreamBeginCapture: the stream is being captured already");
    stream->capture = std::make_shared<Recording>();
    return status::success;
}

CUDA_API int cuStreamEndCapture(void* handle, void** graph) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const auto stream = Streams::instance().find(handle);
    if (stream == nullptr) return status::invalid_handle;
    if (stream->capture == nullptr) return report(status::invalid_value, "cuStreamEndCapture: the stream is not being captured");
    *graph = add(std::move(stream->capture));
    stream->capture = nullptr;
    return status::success;
}

CUDA_API int cuStreamIsCapturing(void* handle, int* capture) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const auto stream = Streams::instance().find(handle);
    if (stream == nullptr) return status::invalid_handle;
    *capture = stream->capture != nullptr ? 1 : 0;
    return status::success;
}

CUDA_API int cuGraphInstantiateWithFlags(void** executable, void* handle, unsigned long long) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const Graph* graph = find(handle);
    if (graph == nullptr) return status::invalid_handle;
    *executable = add(graph->recording);
    return status::success;
}

CUDA_API int cuGraphUpload(void* executable, void*) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    return find(executable) == nullptr ? status::invalid_handle : status::success;
}

CUDA_API int cuGraphLaunch(void* executable, void* handle) {
    const Call call(__func__, Needs::context);
    if (call.status != status::success) return call.status;
    const Graph* graph = find(executable);
    const auto stream = Streams::instance().find(handle);
    if (graph == nullptr || stream == nullptr) return status::invalid_handle;
    return Streams::instance().enqueue(stream, [recording = graph->recording] {
        for (const Work& work : *recording)
            if (const int result = work(); result != status::success) return result;
        return status::success;
    });
}

CUDA_API int cuGraphExecDestroy(void* executable) { return remove(__func__, executable); }

CUDA_API int cuGraphDestroy(void* graph) { return remove(__func__, graph); }
