using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int DropoutVectorsPerLane = 2, DropoutClientsOnStack = 64;

    /// <inheritdoc/>
    /// <remarks>The bits are those of <see cref="CpuBackend.DropoutForward"/>. y may be x.</remarks>
    public override void DropoutForward(TensorView x, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView y) =>
        Drop("dropout_forward", x, rows, module, rate, y);

    /// <inheritdoc/>
    public override void DropoutBackward(TensorView dy, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView dx) =>
        Drop("dropout_backward", dy, rows, module, rate, dx);

    private void Drop(string entry, TensorView from, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView to)
    {
        TensorCheck.Is(from, to.DType, to.Rows, to.Columns);
        TensorCheck.Is(to, to.DType, to.Rows, to.Columns);
        if (!(rate >= 0 && rate < 1)) throw new ArgumentOutOfRangeException(nameof(rate), rate, "expected 0 <= rate < 1");
        Span<DropoutRows> clients = rows.Length <= DropoutClientsOnStack ? stackalloc DropoutRows[rows.Length] : new DropoutRows[rows.Length];
        rows.CopyTo(clients);
        clients.Sort((a, b) => a.RowStart.CompareTo(b.RowStart));
        int end = 0;
        foreach (DropoutRows client in clients)
        {
            if (client.RowStart < end || client.RowCount < 0 || (long)client.RowStart + client.RowCount > to.Rows)
                throw new ArgumentException($"rows: expected disjoint runs within {to.Rows} rows, got {client}", nameof(rows));
            end = client.RowStart + client.RowCount;
        }

        if (to.Count == 0) return;
        uint threshold = (uint)Math.Min(Math.Round((double)rate * 4294967296.0), uint.MaxValue);
        float scale = (float)(1 / (1 - (double)rate));
        RowGeometry geometry = RowGeometry.Of(to.Rows, to.Columns, VectorWidth(to.DType), DropoutVectorsPerLane);
        nint staged = clients.IsEmpty ? 0 : Stage<DropoutRows>(clients);
        var arguments = new DropoutArguments(
            from.Pointer, staged, clients.Length, module, threshold, scale, to.Rows, to.Columns, geometry.Lanes, to.Pointer);
        Launch("dropout", Typed(entry, to.DType), geometry.Shape, arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct DropoutArguments(
        nint From, nint Clients, int ClientCount, int Module, uint Threshold, float Scale, int Rows, int Columns, int Lanes, nint To);
}
