namespace NativeFl.Cli.Flags;

/// <summary>LoRA's alpha as it is given: a number, or a multiple of the rank ("2r").</summary>
/// <param name="Value">The number, or the factor of the rank.</param>
/// <param name="IsMultiple">Whether it multiplies the rank.</param>
internal readonly record struct Alpha(double Value, bool IsMultiple)
{
    /// <summary>α for a rank.</summary>
    public double Of(int rank) => IsMultiple ? Value * rank : Value;
}
