using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>Σ s BᵀA of some factor pairs as the backend itself computes it: merged one after the other into a zero matrix of f32.</summary>
internal sealed class DenseProduct : IDisposable
{
    private const int BlockElements = 1 << 20;

    private readonly Backend _backend;
    private readonly Arena _arena;
    private readonly Slot _rows;

    public DenseProduct(Backend backend, int outFeatures, int inFeatures, IEnumerable<LoraFactors> parts)
    {
        _backend = backend;
        BlockRows = Math.Clamp(BlockElements / inFeatures, 1, outFeatures);
        var plan = new MemoryPlan("dense product");
        Slot matrix = plan.Add(
            "product", new Shape(outFeatures, inFeatures), DType.F32, backend.PackedBytes(outFeatures, inFeatures, DType.F32));
        _rows = plan.Add("rows", new Shape(BlockRows, inFeatures));
        _arena = new Arena(backend, plan);
        Matrix = _arena.Packed(matrix);
        PackZeros();
        foreach (LoraFactors factors in parts) Merge(backend, factors, Matrix);
    }

    /// <summary>(out, in) f32.</summary>
    public PackedMatrix Matrix { get; }

    /// <summary>Rows that <see cref="Rows"/> takes at most at once.</summary>
    public int BlockRows { get; }

    /// <summary>w += s BᵀA.</summary>
    public static void Merge(Backend backend, LoraFactors factors, PackedMatrix w)
    {
        if (factors.Rank == 0) return;
        var plan = new MemoryPlan("factors");
        Slot a = plan.Add("A", new Shape(factors.Rank, factors.InFeatures));
        Slot b = plan.Add("B", new Shape(factors.Rank, factors.OutFeatures));
        using var arena = new Arena(backend, plan);
        backend.Upload<float>(factors.A, arena[a]);
        backend.Upload<float>(factors.B, arena[b]);
        backend.LoraMerge(arena[a], arena[b], [new LoraGroup(0, 0, 0, factors.Rank, 0, factors.Scaling)], w);
        backend.Synchronize();
    }

    /// <summary>Rows of the product, row-major, as many as fit into <paramref name="destination"/>.</summary>
    public void Rows(int first, Span<float> destination)
    {
        TensorView rows = _arena[_rows].Slice(0, destination.Length / Matrix.In);
        _backend.Unpack(Matrix, first, rows);
        _backend.Download(rows, destination);
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    private void PackZeros()
    {
        for (int row = 0; row < Matrix.Out; row += BlockRows)
            _backend.Pack(_arena[_rows].Slice(0, Math.Min(BlockRows, Matrix.Out - row)), row, Matrix);
    }
}
