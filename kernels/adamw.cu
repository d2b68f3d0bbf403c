// adamw.cu: one step of AdamW on the flat parameter buffer, each range with the numbers of its segment
//
//   g' = clip g                        clip = min(1, clip_norm / (norm + 10⁻⁶)), 1 if clip_norm = 0
//   m  = m + (1 − β₁) (g' − m)
//   v  = β₂ v + (1 − β₂) g'²
//   p  = p (1 − η λ) − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)           λ = 0 on ranges that do not decay
//
// A segment that does not step, or whose norm is not finite, is left untouched, moments included: a client that diverged must not
// spread NaN. The gradients are left as they are.
//
// Shapes     gradients, parameters, first (m), second (v) moments: flat;  norms, steps (K);  ranges: device/parameter_ranges.cuh
// Types      all f32; the numbers of a step are worked out in double on the host and rounded once
// Launch     one block of 256 threads a block of elements, four elements a step
// Aliasing   none.
// Cost       adamw  reads 16 P + 32 ranges + 40 K, writes 12 P, loads 16 P + 8 (80 + 4 ⌈log₂(ranges)⌉) blocks, fma 3 P, excess ≤ 16 blocks:
//                   bandwidth bound.
// Source     Loshchilov and Hutter, arXiv:1711.05101, algorithm 2, in the order of torch.optim.AdamW
#include "device/load.cuh"
#include "device/parameter_ranges.cuh"

constexpr int threads = 256;

// As the host lays it out: CudaBackend.AdamWStep.
struct AdamWStep {
    int is_active;
    float clip_norm;      // 0 = no clipping
    float keep;           // 1 − η λ
    float rate;           // η / (1 − β₁ᵗ)
    float root_of_bias2;  // √(1 − β₂ᵗ)
    float gain1;          // 1 − β₁
    float beta2;
    float gain2;  // 1 − β₂
    float epsilon;
};

extern "C" __global__ void __launch_bounds__(threads)
    adamw(const float* __restrict__ gradients, const float* norms, const RangeBlocks* ranges, const AdamWStep* steps, int range_count,
          float* __restrict__ parameters, float* __restrict__ first_moments, float* __restrict__ second_moments) {
    const RangeBlock block = find_block(blockIdx.x, ranges, range_count);
    const int segment = ranges[block.range].segment;
    const AdamWStep step = steps[segment];
    const float norm = norms[segment];
    if (!step.is_active || !isfinite(norm)) return;
    const double ratio = static_cast<double>(step.clip_norm) / (static_cast<double>(norm) + 1e-6);
    const float clip = step.clip_norm > 0.0f && ratio < 1.0 ? static_cast<float>(ratio) : 1.0f;
    const float keep = ranges[block.range].decays ? step.keep : 1.0f;

    const auto update = [&](float gradient, float& p, float& m, float& v) {
        const float g = clip * gradient;
        m = fmaf(step.gain1, g - m, m);
        v = fmaf(step.gain2 * g, g, step.beta2 * v);
        p = fmaf(keep, p, -step.rate * (m / (sqrtf(v) / step.root_of_bias2 + step.epsilon)));
    };
    const bool aligned = is_vector_aligned(0, gradients, parameters, first_moments, second_moments);
    for_block(block.begin, block.end, threadIdx.x, threads, aligned, [&](int64 i, bool is_vector) {
        if (is_vector) {
            float g[4], p[4], m[4], v[4];
            load_vector(gradients + i, g);
            load_vector(parameters + i, p);
            load_vector(first_moments + i, m);
            load_vector(second_moments + i, v);
#pragma unroll
            for (int j = 0; j < 4; ++j) update(g[j], p[j], m[j], v[j]);
            store_vector(p, parameters + i);
            store_vector(m, first_moments + i);
            store_vector(v, second_moments + i);
        } else {
            update(gradients[i], parameters[i], first_moments[i], second_moments[i]);
        }
    });
}
