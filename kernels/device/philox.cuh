// philox.cuh: Philox4x32-10, the i-th four words of a stream as a pure function of (seed, stream, i)
//
// Bit for bit NativeFl.Tensors.Philox.Block, so that a mask drawn on a GPU is the mask that the CPU draws.
//
// Source     Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011
#pragma once

__device__ inline uint4 philox(unsigned long long seed, unsigned long long stream, unsigned long long index) {
    uint4 c = make_uint4(static_cast<unsigned>(index), static_cast<unsigned>(index >> 32), static_cast<unsigned>(stream),
                         static_cast<unsigned>(stream >> 32));
    unsigned k0 = static_cast<unsigned>(seed), k1 = static_cast<unsigned>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const unsigned low0 = 0xD2511F53u * c.x, high0 = __umulhi(0xD2511F53u, c.x);
        const unsigned low1 = 0xCD9E8D57u * c.z, high1 = __umulhi(0xCD9E8D57u, c.z);
        c = make_uint4(high1 ^ c.y ^ k0, low1, high0 ^ c.w ^ k1, low0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}
