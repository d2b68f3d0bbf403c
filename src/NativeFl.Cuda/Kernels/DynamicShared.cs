namespace NativeFl.Cuda.Kernels;

/// <summary>Dynamic shared memory of a block: what the launchers ask for, and what the figures of a kernel say.</summary>
internal static class DynamicShared
{
    /// <summary>The most that a walk along orders of players asks for: what a block gets without asking.</summary>
    public const int ShapleyMost = 48 << 10;

    // Three stages of both operands; c's tile takes their place at the end, and in f32 a little more.
    private const int GemmStages = 61_440, GemmWideTile = 67_584;

    /// <summary>Bytes of an entry point: 0 if it has none, the most of any launch where a launch decides.</summary>
    public static int Of(string entry) => entry switch
    {
        // Two stages of both operands, and a tile of y or W.
        "lora_shrink_f32" => 55_296,
        "lora_shrink_bf16" => 73_728,
        "lora_expand_f32" => 88_320,
        "lora_expand_bf16" => 76_800,
        "lora_gradient_f32" => 51_200,
        "lora_gradient_bf16" => 35_840,
        "lora_merge_f32" => 84_480,
        "lora_merge_bf16" => 69_632,
        "shapley_quadratic" or "shapley_gram" or "shapley_voting" or "shapley_neighbours" => ShapleyMost,
        "gemm_bias_f32" or "gemm_bias_bf16" => 0,
        _ when entry.StartsWith("gemm_", StringComparison.Ordinal) => OfGemm(entry),
        _ when entry.StartsWith("attention_", StringComparison.Ordinal) => OfAttention(entry),
        _ => 0,
    };

    // gemm_nt_bf16_with_f32 has its weights in f32 and c in bf16.
    private static int OfGemm(string entry) =>
        entry.EndsWith("_bf16", StringComparison.Ordinal) && !entry.EndsWith("_f32_with_bf16", StringComparison.Ordinal)
        || entry.EndsWith("_bf16_with_f32", StringComparison.Ordinal)
            ? GemmStages
            : GemmWideTile;

    private static int OfAttention(string entry)
    {
        foreach (AttentionTiling tiling in AttentionTiling.All())
        {
            if (tiling.Entry == entry) return tiling.SharedBytes;
        }

        return 0;
    }
}
