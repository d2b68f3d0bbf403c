// lora_merge.cu: the stack into the weights, W += Bᵀ diag(w) A, in one pass over W
//
//   merge      W[o,i] += sum_j w_j B[rank_j,o] A[rank_j,i]
//
//              w_j = p_k s_k on client k's ranks (FLoRA scales by p_k alone; s_k = α_k / r_k is folded in here). Entries j are the ranks of
//              weight other than zero, of any number of clients of any rank, in one list: nothing else is read, no rank is padded.
//
// Shapes     W (Cout, Cin) row-major;  A (R, Cin), B (R, Cout)
// Types      W: f32 | bf16 in memory, read once and written once with one rounding;  A, B: f32, accumulation f32. bf16: tensor cores,
//            both factors split into two bf16 planes (block_product.cuh), so that ΔW errs by at most 3 * 2^-16 Σ|terms|, where plain bf16
//            factors would err by 2^-7;  f32: FFMA.
// Launch     grid (Cin / 128, Cout / 128), 256 threads, one tile of W each;  depth 32 bytes of entries, double buffered
// Aliasing   none; W accumulates (+=).
// Cost       lora_merge  reads s Cin Cout + 4 R (Cin + Cout) + 12 R, writes s Cin Cout,
//                        loads s Cin Cout + 4 R Cin ⌈Cout / 128⌉ + 4 R Cout ⌈Cin / 128⌉ + 24 R ⌈Cin / 128⌉ ⌈Cout / 128⌉,
//                        mma bf16 384 ⌈Cin / 128⌉ ⌈Cout / 128⌉ ⌈R / 16⌉, fma f32 Cin Cout R,
//                        conflicts f32 1024 ⌈Cin / 128⌉ ⌈Cout / 128⌉, excess ≤ R ⌈Cin / 128⌉ ⌈Cout / 128⌉ / 2
//            Bandwidth bound up to R of about 100.
// Source     Wang et al. 2024, arXiv:2409.05976
#include "device/lora_tiles.cuh"

template <typename T>
struct Merge {
    static constexpr int rows = 128, columns = 128, depth = 32 / sizeof(T), threads = 256;
    using Left = TileOperand<T, rows, depth, true, split_planes<T>>;
    using Right = TileOperand<T, columns, depth, true, split_planes<T>>;
    using W = TileOperand<T, columns, rows, true>;
    using Product = BlockProduct<T, rows, columns, 4, 2>;
};

// One tile of W. It comes in while the product is computed, and takes it up in shared memory.
template <typename T>
__device__ void lora_merge(const float* a, const float* b, const LoraEntry* entries, int count, int out, int in, bool a_vector,
                           bool b_vector, bool vector, T* w) {
    using Tiles = Merge<T>;
    using Left = typename Tiles::Left;
    using Right = typename Tiles::Right;
    using W = typename Tiles::W;
    DYNAMIC_SHARED(T, memory);  // W; B, A; B, A
    constexpr int stage = Left::elements + Right::elements;
    const int thread = threadIdx.x, row = blockIdx.y * Tiles::rows, column = blockIdx.x * Tiles::columns;

    T* w_tile = w + static_cast<int64>(row) * in + column;  // (rows, in)
    load_tile_async<W, Tiles::threads>(w_tile, in, out - row, in - column, vector, memory);
    copy_async_commit();
    typename Tiles::Product product(thread);
    FactorRows<T, Left, Tiles::threads> left;
    FactorRows<T, Right, Tiles::threads> right;
    auto begin = [&](int j) {
        left.begin(b, out, entries + j, count - j, true, row, out, b_vector);
        right.begin(a, in, entries + j, count - j, false, column, in, a_vector);
    };
    auto finish = [&](int j, T* tiles) {
        left.finish(tiles, count - j);
        right.finish(tiles + Left::elements, count - j);
    };
    T* const stages = memory + W::elements;
    begin(0);
    finish(0, stages);
    for (int j = 0, buffer = 0; j < count; j += Tiles::depth, buffer ^= 1) {
        __syncthreads();
        const bool more = j + Tiles::depth < count;
        if (more) begin(j + Tiles::depth);
        const T* const now = stages + buffer * stage;
        product.template add<Left, Right>(now, now + Left::elements);
        if (more) finish(j + Tiles::depth, stages + (buffer ^ 1) * stage);
    }

    copy_async_wait<0>();
    __syncthreads();
    product.each([&](int r, int c, float value) {
        T& element = memory[r * W::stride + c];
        element = from_float<T>(to_float(element) + value);
    });
    __syncthreads();
    store_tile<W::rows, W::columns, W::stride, Tiles::threads>(memory, out - row, in - column, vector, w_tile, in);
}

extern "C" __global__ void __launch_bounds__(Merge<float>::threads, 2)
    lora_merge_f32(const float* __restrict__ a, const float* __restrict__ b, const LoraEntry* __restrict__ entries, int count, int out,
                   int in, int a_vector, int b_vector, int vector, float* __restrict__ w) {
    lora_merge<float>(a, b, entries, count, out, in, a_vector, b_vector, vector, w);
}

extern "C" __global__ void __launch_bounds__(Merge<bf16>::threads, 2)
    lora_merge_bf16(const float* __restrict__ a, const float* __restrict__ b, const LoraEntry* __restrict__ entries, int count, int out,
                    int in, int a_vector, int b_vector, int vector, bf16* __restrict__ w) {
    lora_merge<bf16>(a, b, entries, count, out, in, a_vector, b_vector, vector, w);
}
