using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// One sublayer in a pass. What it adds to the residual stream goes through <see cref="PassContext.Normed"/>: it reads the norm's output
/// there and leaves its own, for the stream's owner to add.
/// </summary>
internal interface ISublayer
{
    /// <summary>Which one.</summary>
    Sublayer Id { get; }

    /// <summary>(C): the weights of the norm before it.</summary>
    TensorView Norm { get; }

    /// <summary>Whether the pass trains anything in here.</summary>
    bool Trains(PassContext pass);

    /// <summary>(N): where the norm before it leaves 1/rms.</summary>
    TensorView Rstd(Arena arena, int rows);

    /// <summary>Turns the norm's output into what is added to the residual stream.</summary>
    void Forward(PassContext pass, Arena arena, KvCache? cache);

    /// <summary>
    /// Turns dy, in the scratch residual, into dx, x (N, C) being the stream before the norm; skips what nobody needs where
    /// <paramref name="needsInputGradient"/> is false. Activations are overwritten.
    /// </summary>
    void Backward(PassContext pass, BackwardScratch scratch, Arena arena, TensorView x, bool needsInputGradient);
}
