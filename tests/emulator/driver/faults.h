// faults.h: memory faults of kernels
#pragma once

namespace emulator {

// Once a process: handlers that end the block whose fiber faulted, and leave every other fault to whoever was there before.
void install_fault_handlers();

// Once a thread that runs blocks: the handler's own stack, since the fiber's may be the one that overflowed.
void prepare_thread_for_faults();

}  // namespace emulator
