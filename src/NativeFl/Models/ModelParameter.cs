using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>One named tensor of a checkpoint and where it lives: a packed matrix or an f32 vector.</summary>
/// <param name="Name">Hugging Face's name.</param>
/// <param name="Rows">The first extent.</param>
/// <param name="Columns">The second extent; 0 for a vector.</param>
/// <param name="Slot">Its place in the arena.</param>
internal sealed record ModelParameter(string Name, int Rows, int Columns, Slot Slot)
{
    /// <summary>True for norms and biases.</summary>
    public bool IsVector => Columns == 0;

    /// <summary>Elements.</summary>
    public long Count => (long)Rows * Math.Max(Columns, 1);
}
