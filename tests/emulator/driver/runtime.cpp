#include "runtime.h"

#include <cstdint>

#include "async_copies.h"
#include "counter.h"
#include "status.h"
#include "worker.h"

namespace emulator {

namespace {

void barrier(Self* self, const char* file, int line) { self->warp->worker->barrier(self, file, line); }

void collective(Self* self, unsigned mask, Combine combine, void* operand, const char* file, int line) {
    self->warp->worker->collective(self, mask, combine, operand, file, line);
}

void copy_async(Self* self, void* shared, const void* global, int bytes, bool valid) {
    Worker& worker = *self->warp->worker;
    const auto misaligned = [&](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % static_cast<unsigned>(bytes) != 0; };
    if (misaligned(shared) || misaligned(global))
        worker.fail(status::illegal_address, worker.where(self) + ": cp.async of " + std::to_string(bytes) + " bytes: the " +
                                                 (misaligned(shared) ? "destination" : "source") + " is not aligned to them");
    if (!worker.shared().holds(shared, static_cast<std::size_t>(bytes)))
        worker.fail(status::illegal_address, worker.where(self) + ": cp.async writes outside of the block's shared memory");
    if (valid) {  // read where the kernel asks for it, so that a bad address is reported here and not at the wait
        static_cast<void>(*static_cast<const volatile unsigned char*>(global));
        static_cast<void>(static_cast<const volatile unsigned char*>(global)[bytes - 1]);
    }
    if (Counter& counter = Counter::instance(); counter.is_on()) {
        const auto* site = static_cast<const char*>(__builtin_return_address(0));
        if (valid) {
            counter.access(*self, global, static_cast<unsigned>(bytes), false, site);
            counter.add_copied(static_cast<unsigned>(bytes));
        } else {
            counter.pass(*self, site);
        }
        counter.access(*self, shared, static_cast<unsigned>(bytes), true, site + 1);
    }
    static_cast<AsyncCopies*>(self->copies)->add(shared, global, bytes, valid);
}

void commit(Self* self) { static_cast<AsyncCopies*>(self->copies)->commit(); }

void wait(Self* self, int pending) {
    AsyncProxy& proxy = self->warp->worker->async_proxy();
    const unsigned thread = self->warp->number * warp_lanes + self->lane;
    static_cast<AsyncCopies*>(self->copies)->wait(static_cast<std::size_t>(pending), [&](const void* shared) {
        if (proxy.is_on()) proxy.landed(thread, shared);
    });
}

void fail(const char* text) { Worker::current()->fail(status::launch_failed, text); }

void access(Self* self, const void* address, unsigned bytes, bool is_write, const void* site) {
    if (Counter& counter = Counter::instance(); counter.is_on()) counter.access(*self, address, bytes, is_write, site);
}

void multiply_add() {
    if (Counter& counter = Counter::instance(); counter.is_on()) counter.add_multiply_add();
}

void warpgroup_multiply(Self* self, WarpgroupProduct* product) { self->warp->worker->warpgroups().multiply(self, *product); }

void warpgroup_fence(Self* self, const char* file, int line) { self->warp->worker->warpgroups().fence(self, {file, line}); }

void warpgroup_commit(Self* self, const char* file, int line) { self->warp->worker->warpgroups().commit(self, {file, line}); }

void warpgroup_wait(Self* self, int pending, const char* file, int line) {
    self->warp->worker->warpgroups().wait(self, pending, {file, line});
}

void fence_async_proxy(Self* self) { self->warp->worker->async_proxy().fence(self->warp->number * warp_lanes + self->lane); }

void mbarrier_init(Self* self, void* barrier, int arrivals, const char* file, int line) {
    self->warp->worker->mbarriers().init(self, barrier, arrivals, {file, line});
}

void mbarrier_arrive(Self* self, void* barrier, const char* file, int line) {
    self->warp->worker->mbarriers().arrive(self, barrier, {file, line});
}

void mbarrier_wait(Self* self, void* barrier, int parity, const char* file, int line) {
    self->warp->worker->mbarriers().wait(self, barrier, parity, {file, line});
}

}  // namespace

const Runtime& device_runtime() {
    static const Runtime runtime{barrier,
                                 collective,
                                 copy_async,
                                 commit,
                                 wait,
                                 fail,
                                 access,
                                 multiply_add,
                                 multiply_matrices(),
                                 load_matrices(),
                                 load_matrices_transposed(),
                                 warpgroup_multiply,
                                 warpgroup_fence,
                                 warpgroup_commit,
                                 warpgroup_wait,
                                 fence_async_proxy,
                                 mbarrier_init,
                                 mbarrier_arrive,
                                 mbarrier_wait};
    return runtime;
}

}  // namespace emulator
