#include "faults.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <string>

#include "fiber_switch.h"
#include "memory.h"
#include "status.h"
#include "worker.h"

namespace emulator {

namespace {

constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction previous[65];

// Continues where the block was started. Runs on the fiber's stack pointer of the fault handler's choice; nothing of the fiber is kept.
[[noreturn]] void go_home() {
    void* abandoned;
    switch_fiber(&abandoned, Worker::current()->home());
    __builtin_unreachable();
}

std::string fault_text(int signal, const siginfo_t* information, Worker& worker, const Self* self, bool is_write) {
    std::string text = worker.where(self) + ": ";
    if (signal == SIGFPE) return text + "integer division by zero or overflow";
    if (signal == SIGILL) return text + "a misaligned access, or an index out of an array's bounds";
    const auto address = reinterpret_cast<std::uintptr_t>(information->si_addr);
    if (worker.self_of_stack(address) != nullptr) return text + "stack overflow of a CUDA thread (44 KB here)";
    if (information->si_code == SI_KERNEL) return text + "access to an address that no machine has";
    if (worker.shared().is_behind(information->si_addr))
        return text + "out of bounds: " + (is_write ? "writes" : "reads") + " behind the " +
               std::to_string(worker.shared().dynamic_bytes()) + " bytes of dynamic shared memory";
    return text + "out of bounds: " + (is_write ? "writes " : "reads ") + Memory::instance().describe(information->si_addr);
}

void handle(int signal, siginfo_t* information, void* context) {
    Worker* worker = Worker::current();
    auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    const auto stack = static_cast<std::uintptr_t>(machine.gregs[REG_RSP]);
    const bool is_write = (machine.gregs[REG_ERR] & 2) != 0;
#else
    const auto stack = static_cast<std::uintptr_t>(machine.sp);
    const bool is_write = false;
#endif
    if (worker == nullptr || !worker->in_block()) {
        const struct sigaction& before = previous[signal];
        if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr) return before.sa_sigaction(signal, information, context);
        if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
        sigaction(signal, &before, nullptr);  // the instruction runs again and ends the process as it always would
        return;
    }
    const Self* self = worker->self_of_stack(stack);
    worker->note_fault(status::illegal_address, fault_text(signal, information, *worker, self, is_write).c_str());
    // Leave the handler onto go_home, on a clean part of the worker's own stack, far below what waits there.
    auto landing = (reinterpret_cast<std::uintptr_t>(worker->home()) - 65536) & ~std::uintptr_t{15};
#if defined(__x86_64__)
    machine.gregs[REG_RSP] = static_cast<greg_t>(landing - 8);
    machine.gregs[REG_RIP] = reinterpret_cast<greg_t>(&go_home);
#else
    machine.sp = landing;
    machine.pc = reinterpret_cast<std::uintptr_t>(&go_home);
#endif
}

}  // namespace

void install_fault_handlers() {
    static const bool installed = [] {
        for (const int signal : signals) {
            struct sigaction action {};
            action.sa_sigaction = handle;
            action.sa_flags = SA_SIGINFO | SA_ONSTACK;
            sigemptyset(&action.sa_mask);
            sigaction(signal, &action, &previous[signal]);
        }
        return true;
    }();
    static_cast<void>(installed);
}

void prepare_thread_for_faults() {
    constexpr std::size_t bytes = 128 * 1024;
    stack_t stack{};
    stack.ss_sp = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack.ss_size = bytes;
    sigaltstack(&stack, nullptr);
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace emulator
