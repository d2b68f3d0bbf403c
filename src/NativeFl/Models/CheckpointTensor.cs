namespace NativeFl.Models;

/// <summary>A weight that a checkpoint writer is going to write, and where its values come from.</summary>
/// <param name="Name">Hugging Face's name, such as "model.norm.weight".</param>
/// <param name="Rows">The first extent.</param>
/// <param name="Columns">The second extent, or 0 for a one-dimensional tensor.</param>
/// <param name="Read">Called with (firstRow, buffer, rows): puts that many whole rows at the start of the buffer.</param>
public sealed record CheckpointTensor(string Name, int Rows, int Columns, Action<int, float[], int> Read)
{
    /// <summary>Values of one row.</summary>
    public int RowLength => Math.Max(Columns, 1);

    /// <summary>The shape in the file.</summary>
    public long[] Shape => Columns == 0 ? [Rows] : [Rows, Columns];
}
