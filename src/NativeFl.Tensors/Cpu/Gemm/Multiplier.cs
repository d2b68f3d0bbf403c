using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>
/// Multiplies blocks on one thread, with that thread's scratch. For each run of <see cref="Depth"/> k: the rows of a are packed
/// once (they stay in the second-level cache); each panel of b is brought into order (in the first-level cache, or read in place
/// where it already is) and met by all of them. The order of every sum depends on K alone.
/// After Goto and van de Geijn 2008 (doi:10.1145/1356052.1356053) and BLIS (doi:10.1145/2764454).
/// </summary>
internal sealed unsafe class Multiplier : IDisposable
{
    /// <summary>The longest run of k that is summed in registers; a multiple of every panel width.</summary>
    public const int Depth = 256;

    /// <summary>The most rows of a block: rows × depth floats fill half of a 1 MiB second-level cache.</summary>
    public const int MaxRows = 512;

    /// <summary>Below this many k, b is read in place: its rows are few enough not to fight for cache sets.</summary>
    private const int ShortDepth = 64;

    /// <summary>Up to this many panels of a, b is read in place: they are too few to pay for a copy.</summary>
    private const int FewPanels = 2;

    /// <summary>Floats between the parts of the scratch: room for what packing spills, and whole cache lines.</summary>
    private const int Margin = 64;

    private readonly KernelTable _kernels;
    private readonly int _width;
    private readonly float* _left;
    private readonly float* _right;
    private readonly float* _edge;
    private bool _disposed;

    /// <summary>Allocates the scratch.</summary>
    public Multiplier(KernelTable kernels)
    {
        _kernels = kernels;
        _width = kernels.Width;
        int left = (MaxRows * Depth) + Margin, right = (Depth * _width) + Margin, edge = (_width * _width) + Margin;
        Bytes = (left + right + edge + (MaxRows * _width)) * (long)sizeof(float);
        _left = (float*)NativeMemory.AlignedAlloc((nuint)Bytes, 4096);
        _right = _left + left;
        _edge = _right + right;
        Spare = _edge + edge;
    }

    /// <summary>The size of the scratch.</summary>
    public long Bytes { get; }

    /// <summary>MaxRows × panel width floats that the multiplier itself does not use.</summary>
    public float* Spare { get; }

    /// <summary>Computes the whole product.</summary>
    public void Run(Product* p) => Run(p, 0, p->M, 0, p->N);

    /// <summary>Computes rows [m0, m1) and columns [n0, n1) of the product; n0 is a multiple of the panel width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(Product* p, int m0, int m1, int n0, int n1)
    {
        for (int first = m0; first < m1; first += MaxRows) RunRows(p, null, first, Math.Min(m1, first + MaxRows), n0, n1);
    }

    /// <summary>Computes two whole products of one left operand and scale, which is packed once for both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(Product* p, Product* beside)
    {
        for (int first = 0; first < p->M; first += MaxRows) RunRows(p, beside, first, Math.Min(p->M, first + MaxRows), 0, p->N);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        NativeMemory.AlignedFree(_left);
    }

    private void RunRows(Product* p, Product* beside, int m0, int m1, int n0, int n1)
    {
        bool accumulate = p->Accumulate;
        if (p->Bias is not null || p->K == 0)
        {
            Start(p, m0, m1, n0, n1);
            accumulate = true;
        }
        int blocks = (p->K + Depth - 1) / Depth;
        for (int block = 0; block < blocks; block++)
        {
            int k0 = Boundary(p->K, block, blocks), k1 = Boundary(p->K, block + 1, blocks);
            PackLeft(p, m0, m1, k0, k1 - k0);
            for (int n = n0; n < n1; n += _width) RunPanel(p, m0, m1, n, Math.Min(_width, n1 - n), k0, k1 - k0, accumulate);
            if (beside is not null)
            {
                for (int n = 0; n < beside->N; n += _width)
                    RunPanel(beside, m0, m1, n, Math.Min(_width, beside->N - n), k0, k1 - k0, beside->Accumulate || block > 0);
            }
            accumulate = true;
        }
    }

    /// <summary>Where run <paramref name="block"/> of <paramref name="blocks"/> begins: even runs, whole panels of 32.</summary>
    private static int Boundary(int k, int block, int blocks) =>
        block == blocks ? k : (int)((long)((k + 31) / 32) * block / blocks) * 32;

    /// <summary>c = bias (or 0), or c += bias, so that every run of k adds.</summary>
    private static void Start(Product* p, int m0, int m1, int n0, int n1)
    {
        for (int m = m0; m < m1; m++)
        {
            float* row = p->C + (m * p->CStride);
            if (!p->Accumulate) new Span<float>(row + n0, n1 - n0).Clear();
            if (p->Bias is null) continue;
            for (int n = n0; n < n1; n++) row[n] += p->Bias[n];
        }
    }

    private void PackLeft(Product* p, int m0, int m1, int k0, int k)
    {
        float* target = _left;
        var panels = new RowPanels(m1 - m0, _kernels.Rows);
        for (int m = m0, panel = 0; m < m1; panel++)
        {
            int rows = panels[panel];
            if (p->ATurned) Packing.Copy(p->A + (k0 * p->AStride) + m, p->AStride, rows, k, target, rows, p->Scale);
            else Packing.Transpose(p->A + (m * p->AStride) + k0, p->AStride, rows, k, target, rows, p->Scale);
            target += (nint)rows * k;
            m += rows;
        }
    }

    /// <summary>As few panels as the kernel's rows allow, their heights at most one apart.</summary>
    private readonly struct RowPanels
    {
        private readonly int _rows;
        private readonly int _taller;

        public RowPanels(int rows, int most)
        {
            int panels = (rows + most - 1) / most;
            _rows = rows / panels;
            _taller = rows - (_rows * panels);
        }

        public int this[int panel] => panel < _taller ? _rows + 1 : _rows;
    }

    private void RunPanel(Product* p, int m0, int m1, int n, int columns, int k0, int k, bool accumulate)
    {
        // Few rows: bf16 is widened in registers, for it is memory that such a product waits for. Same products, same sums.
        bool narrow = p->BNarrow && p->BLayout == OperandLayout.Panels && m1 - m0 <= 2 * _kernels.Rows;
        bool half = columns <= _width / 2 && !narrow;
        int covered = half ? _width / 2 : _width;
        bool edge = columns != covered;
        GemmTile tile = default;
        tile.BStep = _width;
        tile.B = narrow ? (ushort*)p->B + PanelOffset(p, n, k0) : Right(p, m1 - m0, n, columns, k0, k, out tile.BStep);
        tile.K = k;
        tile.CStep = edge ? covered : p->CStride;
        tile.Accumulate = accumulate && !edge;
        tile.A = _left;
        var panels = new RowPanels(m1 - m0, _kernels.Rows);
        for (int m = m0, panel = 0; m < m1; panel++)
        {
            int rows = panels[panel];
            float* target = p->C + (m * p->CStride) + n;
            tile.C = edge ? _edge : target;
            if (narrow) _kernels.Narrow(rows)(&tile);
            else _kernels[rows, half](&tile);
            if (edge) Spread(_edge, covered, rows, columns, accumulate, target, p->CStride);
            tile.A += (nint)rows * k;
            m += rows;
        }
    }

    private static void Spread(float* edge, int step, int rows, int columns, bool accumulate, float* target, nint stride)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                float value = edge[(row * step) + column];
                target[(row * stride) + column] = accumulate ? target[(row * stride) + column] + value : value;
            }
        }
    }

    /// <summary>Columns n .. n + columns and k0 .. k0 + k of b, for m rows of a, with <paramref name="step"/> floats from one k to the next.</summary>
    private float* Right(Product* p, int m, int n, int columns, int k0, int k, out nint step)
    {
        step = _width;
        switch (p->BLayout)
        {
            case OperandLayout.Rows:
                float* rows = (float*)p->B + (k0 * p->BStride) + n;
                if ((k <= ShortDepth || m <= FewPanels * _kernels.Rows) && (columns == _width || columns == _width / 2))
                {
                    step = p->BStride;
                    return rows;
                }
                Packing.Copy(rows, p->BStride, columns, k, _right, _width, 1);
                return _right;
            case OperandLayout.Columns:
                Packing.Transpose((float*)p->B + (n * p->BStride) + k0, p->BStride, columns, k, _right, _width, 1);
                return _right;
            case OperandLayout.Panels:
                nint offset = PanelOffset(p, n, k0);
                if (!p->BNarrow) return (float*)p->B + offset;
                Packing.Widen((ushort*)p->B + offset, _right, (nint)k * _width);
                return _right;
            default:
                TurnPanels(p, n, columns, k0, k);
                return _right;
        }
    }

    private nint PanelOffset(Product* p, int n, int k) => (n * p->BStride) + ((nint)k * _width);

    /// <summary>W (out, in) from panels (in, width): for each panel that k0 .. k0 + k crosses, a square is transposed.</summary>
    private void TurnPanels(Product* p, int n, int columns, int k0, int k)
    {
        for (int done = 0; done < k; done += _width)
        {
            nint offset = ((nint)(k0 + done) * p->BStride) + ((nint)n * _width);
            int count = Math.Min(_width, k - done);
            float* square = (float*)p->B + offset;
            if (p->BNarrow)
            {
                Packing.Widen((ushort*)p->B + offset, _edge, (nint)columns * _width);
                square = _edge;
            }
            Packing.Transpose(square, _width, columns, count, _right + ((nint)done * _width), _width, 1);
        }
    }
}
